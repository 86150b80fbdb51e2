using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>Names the cache of a layer: a layer that is indexed anew has other files, while servers go on with the old ones.</summary>
/// <param name="Layer">The blob.</param>
/// <param name="File">Device and inode of the data file.</param>
readonly record struct LayerCacheKey(Digest Layer, (ulong Device, ulong Inode) File);
