using VirtioFsStore.Benchmarks.Measurement;

namespace VirtioFsStore.Benchmarks.Guest;

/// <summary>A measured task.</summary>
/// <param name="Task">What the guest did.</param>
/// <param name="Ours">The one that is judged.</param>
/// <param name="Theirs">The other daemon.</param>
/// <param name="NineP">The kernel's 9P, served by QEMU.</param>
sealed record GuestRow(GuestTask Task, GuestSeries Ours, GuestSeries Theirs, GuestSeries NineP)
{
    public Comparison Time => new(Ours.Seconds, Theirs.Seconds);

    public Comparison Cost => new(Ours.DaemonSeconds ?? default, Theirs.DaemonSeconds ?? default);
}
