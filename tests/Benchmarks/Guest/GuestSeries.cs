using VirtioFsStore.Benchmarks.Measurement;

namespace VirtioFsStore.Benchmarks.Guest;

/// <summary>One file system's rounds of one task.</summary>
sealed class GuestSeries(string name)
{
    readonly List<double> _seconds = [];
    readonly List<double> _daemonSeconds = [];

    public string Name => name;

    public IReadOnlyList<double> Rounds => _seconds;

    public Sample Seconds => Sample.Of(_seconds);

    /// <summary>Processor time of the daemon's process; null where it is QEMU itself that serves.</summary>
    public Sample? DaemonSeconds => _daemonSeconds.Count == 0 ? null : Sample.Of(_daemonSeconds);

    public void Add(double seconds, double? daemonSeconds)
    {
        _seconds.Add(seconds);
        if (daemonSeconds is { } time)
            _daemonSeconds.Add(time);
    }
}
