using System.Buffers.Binary;
using System.Text;

namespace VirtioFsStore.ImageMaker;

/// <summary>Writes flatbuffers (flatbuffers.dev, "FlatBuffer Internals") of nested arrays: a table is an array of its members, null where one is
/// absent; a vector is an array of arrays or of texts.</summary>
sealed class FlatWriter
{
    const int Slot = 8;

    readonly List<byte> _bytes = [];

    public static byte[] Write(object?[] root)
    {
        var writer = new FlatWriter();
        writer.Reserve(Slot);
        writer.Refer(0, writer.Table(root));
        return [.. writer._bytes];
    }

    int Table(object?[] members)
    {
        var vtable = Reserve(4 + (2 * members.Length));
        Put16(vtable, 4 + (2 * members.Length));
        Put16(vtable + 2, Slot * (1 + members.Length));
        var table = Reserve(Slot * (1 + members.Length));
        Put32(table, table - vtable);
        for (var i = 0; i < members.Length; i++)
        {
            if (members[i] is not { } member) continue;
            var at = table + (Slot * (1 + i));
            Put16(vtable + 4 + (2 * i), at - table);
            switch (member)
            {
                case long number:
                    Put64(at, number);
                    break;
                case int number:
                    Put32(at, number);
                    break;
                case uint number:
                    Put32(at, (int)number);
                    break;
                case byte number:
                    _bytes[at] = number;
                    break;
                default:
                    Refer(at, Child(member));
                    break;
            }
        }

        return table;
    }

    int Child(object value) => value switch
    {
        string text => Bytes(Encoding.Latin1.GetBytes(text), terminated: true),
        byte[] bytes => Bytes(bytes, terminated: false),
        object?[][] tables => Vector(tables),
        string[] texts => Vector(texts),
        object?[] table => Table(table),
        _ => throw new ArgumentOutOfRangeException(nameof(value)),
    };

    int Vector(object[] items)
    {
        var vector = Reserve(4 + (4 * items.Length));
        Put32(vector, items.Length);
        for (var i = 0; i < items.Length; i++) Refer(vector + 4 + (4 * i), Child(items[i]));
        return vector;
    }

    int Bytes(byte[] bytes, bool terminated)
    {
        var at = Reserve(4 + bytes.Length + (terminated ? 1 : 0));
        Put32(at, bytes.Length);
        for (var i = 0; i < bytes.Length; i++) _bytes[at + 4 + i] = bytes[i];
        return at;
    }

    int Reserve(int length)
    {
        while (_bytes.Count % Slot != 0) _bytes.Add(0);
        var at = _bytes.Count;
        _bytes.AddRange(new byte[length]);
        return at;
    }

    void Refer(int at, int target) => Put32(at, target - at);

    void Put16(int at, int value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, checked((ushort)value));
        Put(at, bytes);
    }

    void Put32(int at, int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        Put(at, bytes);
    }

    void Put64(int at, long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        Put(at, bytes);
    }

    void Put(int at, ReadOnlySpan<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++) _bytes[at + i] = bytes[i];
    }
}
