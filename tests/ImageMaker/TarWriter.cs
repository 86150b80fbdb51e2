using System.Globalization;
using System.Text;

namespace VirtioFsStore.ImageMaker;

/// <summary>Writes tar streams byte by byte, also those that no tool writes. Every method adds to one stream.</summary>
public sealed class TarWriter
{
    readonly List<byte> _stream = [];

    public enum Dialect
    {
        V7,
        Ustar,
        Gnu,
    }

    public long Length => _stream.Count;

    public static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    /// <summary>The stream so far and the two blocks of zeros that end it.</summary>
    public byte[] ToArray(bool end = true) => end ? [.. _stream, .. new byte[1024]] : [.. _stream];

    public TarWriter Raw(ReadOnlySpan<byte> bytes)
    {
        _stream.AddRange(bytes);
        return this;
    }

    /// <summary>Data, padded to a block.</summary>
    public TarWriter Body(ReadOnlySpan<byte> data)
    {
        _stream.AddRange(data);
        _stream.AddRange(new byte[-data.Length & 511]);
        return this;
    }

    /// <param name="name">Latin-1: each character is a byte.</param>
    /// <param name="type">The type flag.</param>
    /// <param name="size">As written into the header; the body is not added.</param>
    /// <param name="change">May change any byte before the checksum is made.</param>
    public TarWriter Header(
        string name, char type = '0', long size = 0, string link = "", int mode = 0x1a4, long uid = 0, long gid = 0, long mtime = 0,
        int major = 0, int minor = 0, Dialect dialect = Dialect.Ustar, Action<byte[]>? change = null)
    {
        var header = new byte[512];
        Bytes(name).AsSpan(0, Math.Min(name.Length, 100)).CopyTo(header);
        Number(header.AsSpan(100, 8), mode);
        Number(header.AsSpan(108, 8), uid);
        Number(header.AsSpan(116, 8), gid);
        Number(header.AsSpan(124, 12), size);
        Number(header.AsSpan(136, 12), mtime);
        header[156] = (byte)type;
        Bytes(link).AsSpan(0, Math.Min(link.Length, 100)).CopyTo(header.AsSpan(157));
        if (dialect != Dialect.V7)
        {
            (dialect == Dialect.Gnu ? "ustar  \0"u8 : "ustar\0"u8).CopyTo(header.AsSpan(257));
            if (dialect == Dialect.Ustar) "00"u8.CopyTo(header.AsSpan(263));
            Number(header.AsSpan(329, 8), major);
            Number(header.AsSpan(337, 8), minor);
        }

        change?.Invoke(header);
        Checksum(header);
        _stream.AddRange(header);
        return this;
    }

    public TarWriter File(string name, ReadOnlySpan<byte> data, Dialect dialect = Dialect.Ustar) =>
        Header(name, '0', data.Length, dialect: dialect).Body(data);

    public TarWriter File(string name, string data) => File(name, Bytes(data));

    public TarWriter Directory(string name) => Header(name, '5', mode: 0x1ed);

    public TarWriter Symlink(string name, string target) => Header(name, '2', link: target, mode: 0x1ff);

    public TarWriter HardLink(string name, string target) => Header(name, '1', link: target);

    public TarWriter Pax(params (string Key, string Value)[] records) => PaxBlock('x', records);

    public TarWriter PaxGlobal(params (string Key, string Value)[] records) => PaxBlock('g', records);

    public TarWriter PaxBlock(char type, params (string Key, string Value)[] records)
    {
        var body = records.SelectMany(record => PaxRecord(record.Key, record.Value)).ToArray();
        return Header("PaxHeaders/x", type, body.Length).Body(body);
    }

    /// <summary>GNU's long name (L) or long link (K).</summary>
    public TarWriter Long(char type, string text) => Header("././@LongLink", type, text.Length + 1, dialect: Dialect.Gnu).Body([.. Bytes(text), 0]);

    public static byte[] PaxRecord(string key, string value)
    {
        var rest = $" {key}={value}\n";
        var length = rest.Length + 1;
        while (rest.Length + length.ToString(CultureInfo.InvariantCulture).Length != length) length++;
        return Bytes(length.ToString(CultureInfo.InvariantCulture) + rest);
    }

    /// <summary>Octal where it fits, GNU's base 256 elsewhere.</summary>
    public static void Number(Span<byte> field, long value)
    {
        field.Clear();
        var octal = value >= 0 ? Convert.ToString(value, 8).PadLeft(field.Length - 1, '0') : "";
        if (value >= 0 && octal.Length < field.Length)
        {
            Bytes(octal).CopyTo(field);
            return;
        }

        for (var i = field.Length - 1; i >= 0; i--, value >>= 8) field[i] = (byte)value;
        field[0] |= 0x80;
    }

    static void Checksum(byte[] header)
    {
        header.AsSpan(148, 8).Fill((byte)' ');
        var sum = header.Sum(b => b);
        Bytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(header.AsSpan(148));
    }
}
