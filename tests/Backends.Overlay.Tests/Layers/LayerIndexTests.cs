using System.Text;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Layers;

public sealed class LayerIndexTests : IDisposable
{
    readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("vfs-index").FullName, "a %?#é.db");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);

    static LayerInfo Info(long entries, long pieces, int spans) => new(
        Digest.Sha256("blob"u8), 10, Digest.Sha256("stream"u8), 20, Compression.Gzip, 4096, 4096, entries, pieces, spans);

    [Fact]
    public void What_is_written_is_read_back_in_order()
    {
        var xattrs = XattrList.Encode([
            new("user.b"u8.ToArray(), [0, 10, 255]),
            new("user.a"u8.ToArray(), []),
        ]);
        using (var writer = new LayerIndexWriter(_path))
        {
            writer.Add(new LayerEntry
            {
                Id = 0, Path = [], Type = LayerEntryType.Directory, Mode = 0x1ff, Uid = uint.MaxValue - 1, Gid = 7, MtimeSeconds = -5,
                MtimeNanoseconds = 999_999_999, RdevMajor = 0, RdevMinor = 0, Size = 0, Link = [], DataOffset = 0, Allocated = 0,
                FirstPiece = 0, PieceCount = 0, Xattrs = new XattrList(xattrs), Sparse = default,
            });
            writer.Add(new LayerEntry
            {
                Id = 1, Path = [0xff, (byte)'/', 0xfe], Type = LayerEntryType.Regular, Mode = 0, Uid = 0, Gid = 0, MtimeSeconds = long.MaxValue,
                MtimeNanoseconds = 0, RdevMajor = 0, RdevMinor = 0, Size = 3, Link = [], DataOffset = 4096, Allocated = 4096,
                FirstPiece = 0, PieceCount = 1, Xattrs = default, Sparse = default,
            });
            writer.Add(new Piece(0, 1, 4096, 3, 512, 0, Convert.FromHexString(Digest.Sha256("abc"u8).Hex)));
            writer.Add(new SeekSpan(0, SeekPoint.Fresh(0, 0), 10, 20, 0, 1), []);
            writer.Complete(Info(2, 1, 1));
        }

        using var index = LayerIndex.Open(_path);
        Assert.Equal(Info(2, 1, 1), index.Info);
        using var entries = index.ReadEntries();
        Assert.True(entries.MoveNext());
        var root = entries.Current;
        Assert.True(root.Path.IsEmpty);
        Assert.Equal((0x1ffu, uint.MaxValue - 1, 7u, -5L, 999_999_999u), (root.Mode, root.Uid, root.Gid, root.MtimeSeconds, root.MtimeNanoseconds));
        var names = new List<string>();
        foreach (var xattr in root.Xattrs) names.Add(Encoding.ASCII.GetString(xattr.Name) + "=" + Convert.ToHexString(xattr.Value));
        Assert.Equal(["user.a=", "user.b=000AFF"], names);
        Assert.True(entries.MoveNext());
        Assert.Equal<byte>([0xff, (byte)'/', 0xfe], entries.Current.Path);
        Assert.Equal((3L, 4096L, 1), (entries.Current.Size, entries.Current.DataOffset, entries.Current.PieceCount));
        Assert.False(entries.MoveNext());
        var piece = Assert.Single(index.ReadPieces(0, 1));
        var span = Assert.Single(index.ReadSpans(0, 1));
        Assert.Equal((10L, 20L, 0L, 1L), (span.InEnd, span.OutEnd, span.FirstPiece, span.PieceCount));
        Assert.Equal((1L, 4096L, 3L, 512L, 0), (piece.EntryId, piece.DataOffset, piece.Length, piece.StreamOffset, piece.Span));
    }

    [Fact]
    public void No_journal_is_left_beside_the_index()
    {
        using (var writer = new LayerIndexWriter(_path)) writer.Complete(Info(0, 0, 0));
        using (LayerIndex.Open(_path)) Assert.Equal([_path], Directory.GetFiles(Path.GetDirectoryName(_path)!));
    }

    [Fact]
    public void An_index_that_was_never_completed_is_refused()
    {
        new LayerIndexWriter(_path).Dispose();
        Assert.Throws<ImageException>(() => LayerIndex.Open(_path));
    }

    [Fact]
    public void A_file_that_is_no_index_is_refused_with_its_path()
    {
        File.WriteAllBytes(_path, new byte[10000]);
        var error = Assert.Throws<ImageException>(() => LayerIndex.Open(_path));
        Assert.Contains(_path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_xattr_block_ends_the_list_and_reads_nothing_outside()
    {
        var encoded = XattrList.Encode([new("user.a"u8.ToArray(), new byte[100])]);
        for (var length = 0; length < encoded.Length; length++)
            foreach (var _ in new XattrList(encoded.AsSpan(0, length)))
                Assert.Fail("a cut attribute was returned");
    }
}
