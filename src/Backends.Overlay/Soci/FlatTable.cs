using System.Buffers.Binary;
using VirtioFsStore.Backends.Overlay.IndexBlobs;

namespace VirtioFsStore.Backends.Overlay.Soci;

/// <summary>A table of a flatbuffer (flatbuffers.dev, "FlatBuffer Internals"): every offset is checked where it is followed, since the whole may be
/// anything. A member that is absent has its default.</summary>
readonly struct FlatTable
{
    const int OffsetSize = 4;
    const int FieldSize = 2;

    /// <summary>Of a vtable: its own length and the table's.</summary>
    const int VtableHeader = 4;

    readonly ReadOnlyMemory<byte> _buffer;
    readonly int _start;
    readonly int _vtable;
    readonly int _vtableLength;

    FlatTable(ReadOnlyMemory<byte> buffer, int start)
    {
        _buffer = buffer;
        _start = start;
        var vtable = start - (long)BinaryPrimitives.ReadInt32LittleEndian(At(buffer, start, OffsetSize));
        if (vtable < 0) throw Bad();
        _vtableLength = BinaryPrimitives.ReadUInt16LittleEndian(At(buffer, vtable, FieldSize));
        _vtable = (int)vtable;
        _ = At(buffer, vtable, Math.Max(_vtableLength, VtableHeader));
    }

    /// <summary>The table that a buffer begins with.</summary>
    /// <exception cref="LayerImportException">There is none.</exception>
    public static FlatTable Root(ReadOnlyMemory<byte> buffer) => new(buffer, Target(buffer, 0));

    public long Int64(int field) => Field(field, sizeof(long)) is var at && at.IsEmpty ? 0 : BinaryPrimitives.ReadInt64LittleEndian(at);

    public int Int32(int field) => Field(field, sizeof(int)) is var at && at.IsEmpty ? 0 : BinaryPrimitives.ReadInt32LittleEndian(at);

    public uint UInt32(int field) => Field(field, sizeof(uint)) is var at && at.IsEmpty ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(at);

    public byte Byte(int field, byte otherwise) => Field(field, sizeof(byte)) is var at && at.IsEmpty ? otherwise : at[0];

    /// <summary>A text, without its terminator, or a vector of bytes; empty where there is none.</summary>
    public ReadOnlyMemory<byte> Bytes(int field) => Offset(field) is { } at ? BytesAt(_buffer, at) : default;

    public FlatTable? Table(int field) => Offset(field) is { } at ? new FlatTable(_buffer, at) : null;

    /// <summary>How many a vector of tables or texts has; 0 where there is none.</summary>
    public int Count(int field) => Offset(field) is { } at ? CountAt(_buffer, at, OffsetSize) : 0;

    /// <param name="field">A vector of tables.</param>
    /// <param name="i">Below its <see cref="Count"/>.</param>
    public FlatTable TableOf(int field, int i) => new(_buffer, Item(field, i));

    /// <param name="field">A vector of texts.</param>
    /// <param name="i">Below its <see cref="Count"/>.</param>
    public ReadOnlyMemory<byte> BytesOf(int field, int i) => BytesAt(_buffer, Item(field, i));

    int Item(int field, int i) => Target(_buffer, Offset(field)!.Value + OffsetSize + ((long)i * OffsetSize));

    ReadOnlySpan<byte> Field(int field, int size)
    {
        var entry = VtableHeader + (field * FieldSize);
        if (entry + FieldSize > _vtableLength) return default;
        var offset = BinaryPrimitives.ReadUInt16LittleEndian(At(_buffer, _vtable + (long)entry, FieldSize));
        return offset == 0 ? default : At(_buffer, _start + (long)offset, size);
    }

    int? Offset(int field)
    {
        var entry = VtableHeader + (field * FieldSize);
        if (entry + FieldSize > _vtableLength) return null;
        var offset = BinaryPrimitives.ReadUInt16LittleEndian(At(_buffer, _vtable + (long)entry, FieldSize));
        return offset == 0 ? null : Target(_buffer, _start + (long)offset);
    }

    static int Target(ReadOnlyMemory<byte> buffer, long at)
    {
        var target = at + BinaryPrimitives.ReadUInt32LittleEndian(At(buffer, at, OffsetSize));
        _ = At(buffer, target, OffsetSize);
        return (int)target;
    }

    static int CountAt(ReadOnlyMemory<byte> buffer, int at, int size)
    {
        var count = BinaryPrimitives.ReadUInt32LittleEndian(At(buffer, at, OffsetSize));
        _ = At(buffer, at + (long)OffsetSize, count * (long)size);
        return (int)count;
    }

    static ReadOnlyMemory<byte> BytesAt(ReadOnlyMemory<byte> buffer, int at) => buffer.Slice(at + OffsetSize, CountAt(buffer, at, 1));

    static ReadOnlySpan<byte> At(ReadOnlyMemory<byte> buffer, long at, long length) =>
        at >= 0 && length <= buffer.Length && at <= buffer.Length - length ? buffer.Span.Slice((int)at, (int)length) : throw Bad();

    static LayerImportException Bad() => new("it is no sound flatbuffer: an offset leads out of it");
}
