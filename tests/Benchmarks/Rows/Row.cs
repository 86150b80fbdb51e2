using VirtioFsStore.Benchmarks.Measurement;

namespace VirtioFsStore.Benchmarks.Rows;

/// <summary>A measured row: two contenders side by side.</summary>
/// <param name="Group">How it was measured.</param>
/// <param name="Operation">What was measured.</param>
/// <param name="Depth">Requests outstanding on each queue.</param>
/// <param name="Ours">The one that is judged.</param>
/// <param name="Theirs">The one that it is held against.</param>
/// <param name="Floor">The bare system calls, where they were measured.</param>
sealed record Row(RowGroup Group, Operation Operation, int Depth, Series Ours, Series Theirs, Sample? Floor)
{
    public Comparison Rate => new(Ours.Rate, Theirs.Rate);

    public Comparison Cost => new(Ours.DaemonCost, Theirs.DaemonCost);
}
