using System.Buffers.Binary;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>The data extents of a file with holes, ascending and not touching: pairs of u64 offset and u64 length in bytes,
/// little-endian. A file without holes has an empty map, a file that is one hole an extent of length 0 at its end.</summary>
public readonly ref struct SparseMap(ReadOnlySpan<byte> encoded)
{
    internal const int ExtentSize = 16;

    public ReadOnlySpan<byte> Encoded { get; } = encoded;

    public bool IsEmpty => Encoded.IsEmpty;

    public int Count => Encoded.Length / ExtentSize;

    public (long Offset, long Length) this[int index]
    {
        get
        {
            var extent = Encoded.Slice(index * ExtentSize, ExtentSize);
            return (BinaryPrimitives.ReadInt64LittleEndian(extent), BinaryPrimitives.ReadInt64LittleEndian(extent[8..]));
        }
    }

    /// <param name="extents">As a tar entry has them.</param>
    /// <param name="size">The file's logical size.</param>
    internal static byte[] Encode(IReadOnlyList<TarExtent> extents, long size)
    {
        if (extents.Count == 0) extents = [new TarExtent(size, 0)];
        var encoded = new byte[extents.Count * ExtentSize];
        for (var i = 0; i < extents.Count; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(encoded.AsSpan(i * ExtentSize), extents[i].Offset);
            BinaryPrimitives.WriteInt64LittleEndian(encoded.AsSpan(i * ExtentSize + 8), extents[i].Length);
        }

        return encoded;
    }
}
