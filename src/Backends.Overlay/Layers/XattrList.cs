using System.Buffers.Binary;

namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>Extended attributes as one block of bytes: for each, in ascending order of the names' bytes,
/// u16 name length, u32 value length (little-endian), name, value. Names are unique.</summary>
public readonly ref struct XattrList(ReadOnlySpan<byte> encoded)
{
    internal const int HeaderSize = 6;

    public ReadOnlySpan<byte> Encoded { get; } = encoded;

    public bool IsEmpty => Encoded.IsEmpty;

    public Enumerator GetEnumerator() => new(Encoded);

    public readonly ref struct Xattr(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        public ReadOnlySpan<byte> Name { get; } = name;

        public ReadOnlySpan<byte> Value { get; } = value;
    }

    /// <summary>Ends early where the block is damaged; it never reads outside.</summary>
    public ref struct Enumerator(ReadOnlySpan<byte> rest)
    {
        ReadOnlySpan<byte> _rest = rest;

        public Xattr Current { get; private set; }

        public bool MoveNext()
        {
            if (_rest.Length < HeaderSize) return false;
            int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(_rest);
            var valueLength = BinaryPrimitives.ReadUInt32LittleEndian(_rest[2..]);
            var body = _rest[HeaderSize..];
            if (nameLength + (long)valueLength > body.Length) return false;
            Current = new Xattr(body[..nameLength], body.Slice(nameLength, (int)valueLength));
            _rest = body[(nameLength + (int)valueLength)..];
            return true;
        }
    }

    /// <summary>Encodes attributes, sorted by name; the last of equal names wins.</summary>
    public static byte[] Encode(IEnumerable<KeyValuePair<byte[], byte[]>> attributes)
    {
        var sorted = new SortedDictionary<byte[], byte[]>(Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)));
        foreach (var (name, value) in attributes) sorted[name] = value;
        var encoded = new byte[sorted.Sum(pair => HeaderSize + pair.Key.Length + pair.Value.Length)];
        var rest = encoded.AsSpan();
        foreach (var (name, value) in sorted)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(rest, checked((ushort)name.Length));
            BinaryPrimitives.WriteUInt32LittleEndian(rest[2..], (uint)value.Length);
            name.CopyTo(rest[HeaderSize..]);
            value.CopyTo(rest[(HeaderSize + name.Length)..]);
            rest = rest[(HeaderSize + name.Length + value.Length)..];
        }

        return encoded;
    }
}
