using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Images;

/// <summary>What a layer cost when an image was opened.</summary>
/// <param name="Layer">The blob.</param>
/// <param name="Size">Of the blob, in bytes.</param>
/// <param name="Indexed">Whether it was indexed now; else it was there, or another process was at it.</param>
/// <param name="Elapsed">Of the indexing, from its first progress to its end; zero if there was none.</param>
public sealed record LayerTiming(Digest Layer, long Size, bool Indexed, TimeSpan Elapsed);
