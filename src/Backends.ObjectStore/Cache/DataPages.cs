namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>The page of data files: what guests map, whatever the host's page size.</summary>
public static class DataPages
{
    public const int Size = 4096;

    /// <summary>The most that a data file spans, holes included: half of ext4's largest file.</summary>
    public const long MaxDataSize = 1L << 43;

    public static long Up(long offset) => (offset + Size - 1) & ~(long)(Size - 1);

    public static long Down(long offset) => offset & ~(long)(Size - 1);
}
