using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Fetching;

/// <summary>Tests that measure what the whole process does run when no others do.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
