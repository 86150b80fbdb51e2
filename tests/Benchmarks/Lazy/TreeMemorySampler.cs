using VirtioFsStore.Benchmarks.Measurement;
using VirtioFsStore.Benchmarks.Startup;

namespace VirtioFsStore.Benchmarks.Lazy;

/// <summary>Notes the most memory that a process and all below it, which come and go, hold together: what they share counts once.</summary>
sealed class TreeMemorySampler : IDisposable
{
    static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    readonly Lock _lock = new();
    readonly int _process;
    readonly Timer _timer;
    long _peak;

    public TreeMemorySampler(int process)
    {
        _process = process;
        _timer = new Timer(_ => Look(), null, TimeSpan.Zero, s_interval);
    }

    /// <summary>Bytes.</summary>
    public long Peak
    {
        get { lock (_lock) return _peak; }
    }

    public void Dispose() => _timer.Dispose();

    void Look()
    {
        var memory = ProcessTree.Of(_process).Sum(MemoryUsage.ShareOf);
        lock (_lock) _peak = Math.Max(_peak, memory);
    }
}
