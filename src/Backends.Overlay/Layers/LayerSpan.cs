using VirtioFsStore.Backends.ObjectStore.Decompression;

namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>What one seek point decompresses.</summary>
/// <param name="Id">From 0, in stream order.</param>
/// <param name="Start">Where decompression begins.</param>
/// <param name="InEnd">The compressed offset after the last byte that is needed.</param>
/// <param name="OutEnd">The uncompressed offset after the span: where the next begins.</param>
public sealed record LayerSpan(int Id, SeekPoint Start, long InEnd, long OutEnd);
