using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Store;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>Says now and then how far the indexing of each layer is: a line a layer every two seconds, so that a log stays a log.</summary>
sealed class LayerProgressLog(ILogger logger) : IProgress<LayerProgress>
{
    static readonly TimeSpan s_interval = TimeSpan.FromSeconds(2);

    readonly ConcurrentDictionary<Digest, long> _last = new();

    public void Report(LayerProgress value)
    {
        var now = Stopwatch.GetTimestamp();
        var last = _last.GetOrAdd(value.Layer, now);
        if (value.Done >= value.Total || Stopwatch.GetElapsedTime(last, now) < s_interval || !_last.TryUpdate(value.Layer, now, last))
            return;
        Log.LayerProgress(logger, value.Layer.ToString(), (int)(value.Done * 100 / Math.Max(value.Total, 1)), value.Total);
    }
}
