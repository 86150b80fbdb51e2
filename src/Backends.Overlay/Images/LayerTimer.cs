using System.Collections.Concurrent;
using System.Diagnostics;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;

namespace VirtioFsStore.Backends.Overlay.Images;

/// <summary>Passes progress on and remembers when each layer's began and ended.</summary>
sealed class LayerTimer(IProgress<LayerProgress>? inner) : IProgress<LayerProgress>
{
    readonly ConcurrentDictionary<Digest, (long Begin, long End)> _seen = new();

    public void Report(LayerProgress value)
    {
        var now = Stopwatch.GetTimestamp();
        _seen.AddOrUpdate(value.Layer, (now, now), (_, seen) => (seen.Begin, now));
        inner?.Report(value);
    }

    public IReadOnlyList<LayerTiming> Summarize(ResolvedImage image) =>
    [
        .. image.Layers.DistinctBy(layer => layer.Blob.Digest).Select(layer =>
        {
            var (begin, end) = _seen.GetValueOrDefault(layer.Blob.Digest);
            return new LayerTiming(layer.Blob.Digest, layer.Blob.Size, end > begin, Stopwatch.GetElapsedTime(begin, end));
        }),
    ];
}
