"""The rules, a module for each subject. A rule is a function with the one parameter t, named after what it says."""
