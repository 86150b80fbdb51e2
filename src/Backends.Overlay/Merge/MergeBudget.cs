using System.Runtime.CompilerServices;
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

    /// <summary>Makes an array longer, to twice its length or more; not beyond what an array holds.</summary>
    /// <param name="items">Counted by this budget.</param>
    /// <param name="needed">Items.</param>
    /// <exception cref="ImageException">It would be more than the limit.</exception>
    public void Grow<T>(ref T[] items, long needed)
        where T : struct
    {
        var before = items.Length;
        var length = (int)Math.Min(Math.Max(needed, 2L * before), Array.MaxLength);
        Take((long)length * Unsafe.SizeOf<T>());
        Array.Resize(ref items, length);
        Return((long)before * Unsafe.SizeOf<T>());
    }
}
