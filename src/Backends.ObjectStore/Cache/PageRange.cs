namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>Whole pages of a data file, in bytes.</summary>
readonly record struct PageRange(long Offset, long Length)
{
    public static PageRange Between(long start, long end) => end > start ? new(start, end - start) : default;
}
