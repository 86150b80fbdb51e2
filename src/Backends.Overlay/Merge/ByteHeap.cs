using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Merge;

/// <summary>Byte strings laid end to end; a string is its offset and its length.</summary>
sealed class ByteHeap(string what)
{
    byte[] _bytes = new byte[4096];

    /// <summary>Bytes in use.</summary>
    public int Length { get; private set; }

    public ReadOnlySpan<byte> All => _bytes.AsSpan(0, Length);

    public ReadOnlySpan<byte> Get(int offset, int length) => _bytes.AsSpan(offset, length);

    /// <exception cref="ImageException">The heap would exceed what an array holds (2 GiB).</exception>
    public int Add(ReadOnlySpan<byte> value)
    {
        var needed = (long)Length + value.Length;
        if (needed > Array.MaxLength)
            throw new ImageException($"the image is too large: its {what} take more than {Array.MaxLength} bytes");
        if (needed > _bytes.Length)
            Array.Resize(ref _bytes, (int)Math.Min(Math.Max(needed, 2L * _bytes.Length), Array.MaxLength));
        var offset = Length;
        value.CopyTo(_bytes.AsSpan(offset));
        Length += value.Length;
        return offset;
    }
}
