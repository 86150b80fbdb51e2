using System.Buffers.Text;
using System.Text;

namespace VirtioFsStore.Backends.Overlay.Tar;

/// <summary>What pax extended headers (POSIX pax "pax Header Block") say of a member. A value that is empty takes back what
/// an earlier header said, but an extended attribute may be empty.</summary>
sealed class PaxHeader
{
    public byte[]? Path { get; private set; }

    public byte[]? LinkPath { get; private set; }

    public long? Size { get; private set; }

    public uint? Uid { get; private set; }

    public uint? Gid { get; private set; }

    public (long Seconds, uint Nanoseconds)? Mtime { get; private set; }

    public long? DeviceMajor { get; private set; }

    public long? DeviceMinor { get; private set; }

    public byte[]? SparseName { get; private set; }

    public long? SparseSize { get; private set; }

    public long? SparseMajor { get; private set; }

    public long? SparseMinor { get; private set; }

    public long? SparseCount { get; private set; }

    /// <summary>Formats 0.0 and 0.1: the map stands in the header.</summary>
    public List<TarExtent>? SparseMap { get; private set; }

    long? _sparseOffset;
    int _xattrBytes;

    // Names are bytes; Latin-1 keeps each.
    readonly HashSet<string> _xattrNames = [];

    public List<KeyValuePair<byte[], byte[]>> Xattrs { get; } = [];

    /// <summary>A local header on top of a global one.</summary>
    public static PaxHeader From(PaxHeader? global)
    {
        var header = new PaxHeader();
        if (global is null) return header;
        header.Uid = global.Uid;
        header.Gid = global.Gid;
        header.Mtime = global.Mtime;
        header.DeviceMajor = global.DeviceMajor;
        header.DeviceMinor = global.DeviceMinor;
        return header;
    }

    /// <summary>Reads records of the form <c>LENGTH KEY=VALUE\n</c>.</summary>
    /// <exception cref="TarException">They are not of that form, or a value is impossible.</exception>
    public void Read(ReadOnlySpan<byte> records, bool global)
    {
        while (!records.IsEmpty)
        {
            var space = records.IndexOf((byte)' ');
            if (space is < 1 or > 10 || !TarField.TryDecimal(records[..space], out var length) || length <= space + 1 || length > records.Length
                || records[(int)length - 1] != '\n')
                throw new TarException("a pax header has a record whose length is wrong");
            var record = records[(space + 1)..((int)length - 1)];
            records = records[(int)length..];
            var equals = record.IndexOf((byte)'=');
            if (equals < 1 || record[..equals].Contains((byte)0))
                throw new TarException("a pax header has a record without a key");
            Apply(record[..equals], record[(equals + 1)..], global);
        }
    }

    void Apply(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool global)
    {
        // Readers differ on these in a global header, and a size that only some readers apply would let one stream hold
        // two different archives. Attributes that all members share would let a few kilobytes become an index of any size.
        if (global && (key.SequenceEqual("size"u8) || key.SequenceEqual("path"u8) || key.SequenceEqual("linkpath"u8)
            || key.StartsWith("GNU.sparse."u8) || key.StartsWith("SCHILY.xattr."u8) || key.StartsWith("LIBARCHIVE.xattr."u8)))
        {
            throw new TarException($"a global pax header sets {TarField.Display(key)}, which only a member's own can");
        }

        if (key.StartsWith("SCHILY.xattr."u8))
        {
            AddXattr(DecodeGnu(key["SCHILY.xattr.".Length..]), value.ToArray());
            return;
        }

        if (key.StartsWith("LIBARCHIVE.xattr."u8))
        {
            AddLibarchive(key["LIBARCHIVE.xattr.".Length..], value);
            return;
        }

        switch (Encoding.ASCII.GetString(key))
        {
            case "path": Path = Name(key, value); break;
            case "linkpath": LinkPath = Name(key, value); break;
            case "size": Size = Number(key, value); break;
            case "uid": Uid = Id(key, value); break;
            case "gid": Gid = Id(key, value); break;
            case "mtime": Mtime = Time(value); break;
            case "SCHILY.devmajor": DeviceMajor = Number(key, value); break;
            case "SCHILY.devminor": DeviceMinor = Number(key, value); break;
            case "GNU.sparse.name": SparseName = Name(key, value); break;
            case "GNU.sparse.size" or "GNU.sparse.realsize": SparseSize = Number(key, value); break;
            case "GNU.sparse.major": SparseMajor = Number(key, value); break;
            case "GNU.sparse.minor": SparseMinor = Number(key, value); break;
            case "GNU.sparse.numblocks": SparseCount = Number(key, value); break;
            case "GNU.sparse.offset":
                if (_sparseOffset is not null) throw new TarException("a sparse map has two offsets in a row");
                _sparseOffset = Number(key, value);
                break;
            case "GNU.sparse.numbytes":
                if (_sparseOffset is not { } offset || Number(key, value) is not { } bytes)
                    throw new TarException("a sparse map has a length without an offset");
                AddExtent(offset, bytes);
                _sparseOffset = null;
                break;
            case "GNU.sparse.map": ReadMap(value); break;
        }
    }

    void ReadMap(ReadOnlySpan<byte> value)
    {
        SparseMap = [];
        while (!value.IsEmpty)
        {
            if (!Next(ref value, out var offset) || !Next(ref value, out var length))
                throw new TarException("a sparse map in a pax header is not pairs of numbers");
            AddExtent(offset, length);
        }

        static bool Next(ref ReadOnlySpan<byte> rest, out long number)
        {
            var comma = rest.IndexOf((byte)',');
            var text = comma < 0 ? rest : rest[..comma];
            rest = comma < 0 ? [] : rest[(comma + 1)..];
            return TarField.TryDecimal(text, out number);
        }
    }

    void AddExtent(long offset, long length)
    {
        SparseMap ??= [];
        if (SparseMap.Count == TarSparse.MaxExtents) throw TarSparse.TooMany();
        SparseMap.Add(new TarExtent(offset, length));
    }

    /// <summary>libarchive: the name is percent-encoded, the value is base64 without padding.</summary>
    void AddLibarchive(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var decodedName = DecodePercent(name);
        // Where both spellings are given they mean the same; the plain one needs no decoding.
        if (_xattrNames.Contains(Encoding.Latin1.GetString(decodedName))) return;
        var padded = new byte[(value.Length + 3) / 4 * 4];
        value.CopyTo(padded);
        padded.AsSpan(value.Length).Fill((byte)'=');
        var decoded = new byte[Base64.GetMaxDecodedFromUtf8Length(padded.Length)];
        if (Base64.DecodeFromUtf8(padded, decoded, out _, out var length) != System.Buffers.OperationStatus.Done)
            throw new TarException($"the extended attribute {TarField.Display(decodedName)} is not base64");
        AddXattr(decodedName, decoded[..length]);
    }

    void AddXattr(byte[] name, byte[] value)
    {
        TarXattr.Check(name, value, ref _xattrBytes);
        _xattrNames.Add(Encoding.Latin1.GetString(name));
        Xattrs.Add(new(name, value));
    }

    /// <summary>GNU tar writes <c>=</c> in a name as %3D and <c>%</c> as %25, and nothing else so.</summary>
    internal static byte[] DecodeGnu(ReadOnlySpan<byte> name)
    {
        if (!name.Contains((byte)'%')) return name.ToArray();
        var result = new List<byte>(name.Length);
        for (; !name.IsEmpty; name = name[1..])
        {
            if (name.StartsWith("%3D"u8) || name.StartsWith("%25"u8))
            {
                result.Add(name[1] == '3' ? (byte)'=' : (byte)'%');
                name = name[2..];
            }
            else
            {
                result.Add(name[0]);
            }
        }

        return [.. result];
    }

    static byte[] DecodePercent(ReadOnlySpan<byte> name)
    {
        var result = new List<byte>(name.Length);
        for (; !name.IsEmpty; name = name[1..])
        {
            if (name[0] == '%' && name.Length >= 3 && byte.TryParse(name[1..3], System.Globalization.NumberStyles.AllowHexSpecifier, null, out var value))
            {
                result.Add(value);
                name = name[2..];
            }
            else
            {
                result.Add(name[0]);
            }
        }

        return [.. result];
    }

    static byte[]? Name(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (value.Contains((byte)0)) throw new TarException($"the pax record {Encoding.ASCII.GetString(key)} holds a NUL byte");
        return value.IsEmpty ? null : value.ToArray();
    }

    static long? Number(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty) return null;
        return TarField.TryDecimal(value, out var number) ? number : throw Impossible(key, value);
    }

    static uint? Id(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var number = Number(key, value);
        return number >= uint.MaxValue ? throw Impossible(key, value) : (uint?)number;
    }

    static (long, uint)? Time(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty) return null;
        return TarField.TryTime(value, out var seconds, out var nanoseconds) ? (seconds, nanoseconds) : throw Impossible("mtime"u8, value);
    }

    static TarException Impossible(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        new($"the pax record {Encoding.ASCII.GetString(key)} is impossible: {TarField.Display(value)}");
}
