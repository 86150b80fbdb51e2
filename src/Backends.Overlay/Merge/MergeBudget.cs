using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Merge;

/// <summary>
/// Bytes that all tables and heaps of a merge, and of the tree that is made from it, may take together. What is counted is what is
/// allocated: an array that grows counts twice while it is copied.
/// </summary>
sealed class MergeBudget(long limit = MergeBudget.DefaultLimit)
{
    /// <summary>A million files take a fifth of it. Who makes an image cannot make a host spend more.</summary>
    public const long DefaultLimit = 1L << 30;

    long _used;

    /// <exception cref="ImageException">It would be more than the limit; nothing may be allocated.</exception>
    public void Take(long bytes)
    {
        if (bytes > limit - _used)
            throw new ImageException($"the image is too large: its names, attributes, links and maps take more than {limit} bytes of memory; about three million files are possible");
        _used += bytes;
    }

    public void Return(long bytes) => _used -= bytes;
}
