using System.Text.RegularExpressions;
using Xunit;

namespace VirtioFsStore.Core.Tests.Architecture;

/// <summary>docs/security.md says which test shows what: each that it names is there.</summary>
public sealed partial class SecurityMapTests
{
    [Fact]
    public void Every_test_that_the_map_names_exists()
    {
        var root = ImportRuleTests.Root();
        var sources = Directory.EnumerateFiles(Path.Combine(root, "tests"), "*Tests.cs", SearchOption.AllDirectories)
            .ToLookup(path => Path.GetFileNameWithoutExtension(path), File.ReadAllText);
        var named = NamedTest().Matches(File.ReadAllText(Path.Combine(root, "docs", "security.md")));

        var missing = named
            .Where(test => !sources[test.Groups["class"].Value].Any(source => Regex.IsMatch(source, $@"\b(void|Task) {test.Groups["name"].Value}\(")))
            .Select(test => test.Value);

        Assert.True(named.Count > 80, $"Only {named.Count} tests were found in the map.");
        Assert.Empty(missing);
    }

    [GeneratedRegex(@"`(?<class>\w+Tests)\.(?<name>\w+)`")]
    private static partial Regex NamedTest();
}
