namespace VirtioFsStore.Backends.Overlay.Tar;

/// <summary>A run of data of a file with holes, in bytes.</summary>
public readonly record struct TarExtent(long Offset, long Length);
