using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Merge;

/// <summary>A growing array of structs that are changed in place: a million of them are one object to the collector.</summary>
sealed class StructList<T>(MergeBudget budget)
    where T : struct
{
    const int FirstCapacity = 256;

    T[] _items = [];

    public int Count { get; private set; }

    public ref T this[int index] => ref _items[index];

    /// <summary>Makes room for one more and returns its index; the new item is zero.</summary>
    public int Add()
    {
        if (Count == _items.Length)
            budget.Grow(ref _items, FirstCapacity);
        if (Count == _items.Length)
            throw new ImageException($"the image is too large: more than {Count} items in one table");
        return Count++;
    }

    public Span<T> AsSpan() => _items.AsSpan(0, Count);
}
