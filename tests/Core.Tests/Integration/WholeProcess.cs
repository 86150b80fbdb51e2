using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>Tests that measure the whole process (descriptors, allocations): none runs beside them.</summary>
[CollectionDefinition(nameof(WholeProcess), DisableParallelization = true)]
public sealed class WholeProcess;
