using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Store;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>Says now and then how far the indexing of each layer is, and when it is done: a line a layer every two seconds, so that a log
/// stays a log. Of a layer that was there already, nothing.</summary>
sealed class LayerProgressLog(ILogger logger) : IProgress<LayerProgress>
{
    static readonly TimeSpan s_interval = TimeSpan.FromSeconds(2);

    readonly ConcurrentDictionary<Digest, (long Begin, long Last)> _seen = new();

    /// <summary>Whether any layer had to be indexed.</summary>
    public bool AnyIndexed => !_seen.IsEmpty;

    public void Report(LayerProgress value)
    {
        var now = Stopwatch.GetTimestamp();
        if (value.Done >= value.Total)
        {
            if (_seen.TryGetValue(value.Layer, out var indexed))
                Log.LayerIndexed(logger, value.Layer.ToString(), value.Total, Stopwatch.GetElapsedTime(indexed.Begin, now).TotalSeconds);
            return;
        }
        var seen = _seen.GetOrAdd(value.Layer, (now, now));
        if (Stopwatch.GetElapsedTime(seen.Last, now) >= s_interval && _seen.TryUpdate(value.Layer, (seen.Begin, now), seen))
            Log.LayerProgress(logger, value.Layer.ToString(), (int)(value.Done * 100 / Math.Max(value.Total, 1)), value.Total);
    }
}
