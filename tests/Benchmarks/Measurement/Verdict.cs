namespace VirtioFsStore.Benchmarks.Measurement;

/// <summary>How ours compares with the other.</summary>
enum Verdict
{
    /// <summary>The difference is within the spread of the rounds.</summary>
    Even,
    Better,
    Worse,
}
