namespace VirtioFsStore.Benchmarks.Measurement;

/// <summary>Notes the most memory that processes have at once-a-while looks: the kernel's own peak (VmHWM) counts guest memory in.</summary>
sealed class MemorySampler : IDisposable
{
    static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(50);

    readonly Dictionary<int, long> _peaks;
    readonly Timer _timer;

    public MemorySampler(params IEnumerable<int> processes)
    {
        _peaks = processes.ToDictionary(process => process, _ => 0L);
        _timer = new Timer(_ => Look(), null, TimeSpan.Zero, s_interval);
    }

    /// <summary>Bytes.</summary>
    public long PeakOf(int process)
    {
        Look();
        lock (_peaks)
            return _peaks[process];
    }

    public void Dispose() => _timer.Dispose();

    void Look()
    {
        lock (_peaks)
        {
            foreach (var process in _peaks.Keys)
                _peaks[process] = Math.Max(_peaks[process], MemoryUsage.Of(process));
        }
    }
}
