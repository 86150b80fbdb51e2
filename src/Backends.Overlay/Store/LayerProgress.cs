using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>How far the indexing of one layer is. The last report of a layer has <paramref name="Done"/> = <paramref name="Total"/>.</summary>
/// <param name="Layer">The blob's digest.</param>
/// <param name="Done">Compressed bytes read.</param>
/// <param name="Total">Compressed bytes in all.</param>
public readonly record struct LayerProgress(Digest Layer, long Done, long Total);
