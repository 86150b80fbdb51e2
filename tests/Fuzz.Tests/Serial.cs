using Xunit;

// Descriptors are counted for the whole process, and mounts and servers share two cores as it is.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
