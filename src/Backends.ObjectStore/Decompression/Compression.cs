namespace VirtioFsStore.Backends.ObjectStore.Decompression;

/// <summary>How a blob is compressed. The numbers are stored in the layer index.</summary>
public enum Compression
{
    None = 0,
    Gzip = 1,
    Zstd = 2,
}
