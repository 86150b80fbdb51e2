using System.Text;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Tar;
using VirtioFsStore.Backends.Overlay.Tocs;

namespace VirtioFsStore.Backends.Overlay.Soci;

/// <summary>SOCI's table of contents of one layer (awslabs/soci-snapshotter, ztoc/fbs/ztoc.fbs), without a check yet of what it says.</summary>
sealed class Ztoc
{
    const string PaxXattr = "SCHILY.xattr.";
    const byte Gzip = 1;

    readonly FlatTable _root;
    readonly FlatTable _contents;
    readonly FlatTable _compression;

    /// <summary>Texts may lie on top of each other, so that few bytes would give any number: a table as SOCI writes it has each text once.</summary>
    long _textsLeft;

    /// <exception cref="LayerImportException">It is no such table, or not of a gzip layer.</exception>
    public Ztoc(ReadOnlyMemory<byte> bytes)
    {
        _root = FlatTable.Root(bytes);
        _contents = _root.Table(4) ?? throw new LayerImportException("it has no table of files");
        _compression = _root.Table(5) ?? throw new LayerImportException("it says nothing of the compression");
        _textsLeft = bytes.Length;
        if (_compression.Byte(0, Gzip) is not Gzip and var algorithm) throw new LayerImportException($"it is of a layer with compression {algorithm}; gzip is 1");
    }

    /// <summary>Of the layer, in bytes.</summary>
    public long CompressedSize => _root.Int64(2);

    /// <summary>As far as the tar stream was read, in bytes.</summary>
    public long UncompressedSize => _root.Int64(3);

    /// <summary>Packed as zinfo.</summary>
    public ReadOnlyMemory<byte> Checkpoints => _compression.Bytes(3);

    public int SpanDigestCount => _compression.Count(2);

    public int FileCount => _contents.Count(0);

    /// <summary>The SHA-256 of a span's compressed bytes.</summary>
    public byte[] SpanDigest(int span)
    {
        var text = Encoding.ASCII.GetString(Text(_compression.BytesOf(2, span)));
        return Digest.TryParse(text) is { Algorithm: "sha256" } digest
            ? Convert.FromHexString(digest.Hex)
            : throw new LayerImportException($"the digest of span {span} is no SHA-256");
    }

    /// <param name="file">Its number, in the order of the table.</param>
    /// <param name="offset">Where its data begins in the tar stream.</param>
    public TocEntry File(int file, out long offset)
    {
        var metadata = _contents.TableOf(0, file);
        offset = metadata.Int64(2);
        var entry = new TocEntry
        {
            Name = Text(metadata.Bytes(0)).ToArray(),
            Type = Encoding.ASCII.GetString(Text(metadata.Bytes(1))),
            Size = metadata.Int64(3),
            Link = Text(metadata.Bytes(4)).ToArray(),
            Mode = metadata.Int64(5),
            Uid = metadata.UInt32(6),
            Gid = metadata.UInt32(7),
            Time = Encoding.ASCII.GetString(Text(metadata.Bytes(10))),
            DeviceMajor = metadata.Int64(11),
            DeviceMinor = metadata.Int64(12),
        };
        for (var i = 0; i < metadata.Count(13); i++)
        {
            var record = metadata.TableOf(13, i);
            AddRecord(entry, Text(record.Bytes(0)), Text(record.Bytes(1)));
        }

        return entry;
    }

    static void AddRecord(TocEntry entry, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.StartsWith("GNU.sparse."u8)) throw new LayerImportException($"{TarField.Display(entry.Name)} has holes, of which it tells nothing");
        if (key.StartsWith("LIBARCHIVE.xattr."u8)) throw new LayerImportException($"{TarField.Display(entry.Name)} has attributes in libarchive's form");
        if (key.StartsWith(Encoding.ASCII.GetBytes(PaxXattr))) entry.Xattrs.Add(new(PaxHeader.DecodeGnu(key[PaxXattr.Length..]), value.ToArray()));
    }

    ReadOnlySpan<byte> Text(ReadOnlyMemory<byte> text)
    {
        // An empty one has four bytes of its length.
        _textsLeft -= text.Length + 4;
        return _textsLeft >= 0 ? text.Span : throw new LayerImportException("it has more texts than bytes");
    }
}
