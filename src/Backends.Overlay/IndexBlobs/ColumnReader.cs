using System.Buffers.Binary;

namespace VirtioFsStore.Backends.Overlay.IndexBlobs;

/// <summary>Reads what a <see cref="ColumnWriter"/> wrote, or somebody pretends that it did.</summary>
struct ColumnReader(ReadOnlyMemory<byte> bytes)
{
    ReadOnlyMemory<byte> _rest = bytes;

    public readonly bool AtEnd => _rest.IsEmpty;

    public byte Byte() => Bytes(1).Span[0];

    /// <exception cref="LayerImportException">It is none, or has more than 63 bits.</exception>
    public long Number()
    {
        var value = Unsigned();
        return value <= long.MaxValue ? (long)value : throw new LayerImportException("a number has more than 63 bits");
    }

    public long Signed()
    {
        var value = Unsigned();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    /// <exception cref="LayerImportException">It does not fit.</exception>
    public uint UInt32()
    {
        var value = Unsigned();
        return value <= uint.MaxValue ? (uint)value : throw new LayerImportException("a number has more than 32 bits");
    }

    public ulong Fixed() => BinaryPrimitives.ReadUInt64LittleEndian(Bytes(8).Span);

    public ReadOnlyMemory<byte> Bytes(long count)
    {
        if (count > _rest.Length) throw new LayerImportException("a column ends too early");
        var bytes = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return bytes;
    }

    ulong Unsigned()
    {
        var value = 0ul;
        for (var shift = 0; ; shift += 7)
        {
            var next = Byte();
            // The tenth byte has one bit left.
            if (shift == 63 && next > 1) throw new LayerImportException("a number has more than 64 bits");
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80) return value;
        }
    }
}
