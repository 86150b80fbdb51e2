using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Merge;

/// <summary>Byte strings laid end to end; a string is its offset and its length.</summary>
sealed class ByteHeap(string what, MergeBudget budget)
{
    const int FirstCapacity = 4096;

    byte[] _bytes = [];

    /// <summary>Bytes in use.</summary>
    public int Length { get; private set; }

    public ReadOnlySpan<byte> All => _bytes.AsSpan(0, Length);

    public ReadOnlySpan<byte> Get(int offset, int length) => _bytes.AsSpan(offset, length);

    /// <exception cref="ImageException">The budget is used up, or the heap would exceed what an array holds (2 GiB).</exception>
    public int Add(ReadOnlySpan<byte> value)
    {
        var needed = (long)Length + value.Length;
        if (needed > Array.MaxLength)
            throw new ImageException($"the image is too large: its {what} take more than {Array.MaxLength} bytes");
        if (needed > _bytes.Length)
            budget.Grow(ref _bytes, Math.Max(needed, FirstCapacity));
        var offset = Length;
        value.CopyTo(_bytes.AsSpan(offset));
        Length += value.Length;
        return offset;
    }
}
