using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tests.Tar;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Layers;

public sealed class LayerBuilderTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-layer").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    string BlobPath => Path.Combine(_folder, "blob");

    string LayerFolder => Path.Combine(_folder, "layer");

    async Task<LayerIndex> BuildAsync(byte[] tar, Compression compression = Compression.Gzip, Func<byte[], byte[]>? compress = null)
    {
        compress ??= compression switch
        {
            Compression.Gzip => LayoutWriter.Gzip,
            Compression.Zstd => LayoutWriter.ZstdFrame,
            _ => LayoutWriter.Plain,
        };
        var blob = compress(tar);
        await File.WriteAllBytesAsync(BlobPath, blob);
        if (Directory.Exists(LayerFolder)) Directory.Delete(LayerFolder, recursive: true);
        Directory.CreateDirectory(LayerFolder);
        await using var source = FileRangeSource.Open(BlobPath, default);
        await LayerBuilder.BuildAsync(LayerFolder, Layer(blob, tar, compression), source, null, default);
        return LayerIndex.Open(Path.Combine(LayerFolder, LayerBuilder.IndexName));
    }

    static ImageLayer Layer(byte[] blob, byte[] tar, Compression compression) => new(
        new Descriptor("layer", Digest.Sha256(blob), blob.Length, null, new Dictionary<string, string>()), compression, Digest.Sha256(tar));

    byte[] Data => File.ReadAllBytes(Path.Combine(LayerFolder, LayerBuilder.DataName));

    static List<string> Paths(LayerIndex index)
    {
        var paths = new List<string>();
        foreach (var entry in index.ReadEntries()) paths.Add($"{entry.Id} {entry.Type} {Encoding.Latin1.GetString(entry.Path)}");
        return paths;
    }

    static byte[] Random(int seed, int length)
    {
        var data = new byte[length];
        new Random(seed).NextBytes(data);
        return data;
    }

    [Theory]
    [InlineData(Compression.None)]
    [InlineData(Compression.Gzip)]
    [InlineData(Compression.Zstd)]
    public async Task Files_lie_page_aligned_and_zero_padded_in_tar_order(Compression compression)
    {
        int[] sizes = [1, 4096, 0, 4097, 3_000_000, 8191, 12];
        var tar = new TarWriter();
        for (var i = 0; i < sizes.Length; i++) tar.File($"f{i}", Random(i, sizes[i]));
        using var index = await BuildAsync(tar.ToArray(), compression);

        var data = Data;
        var expected = 0L;
        var i2 = 0;
        foreach (var entry in index.ReadEntries())
        {
            Assert.Equal(sizes[i2], entry.Size);
            if (entry.Size == 0)
            {
                Assert.Equal((0, 0L), (entry.PieceCount, entry.Allocated));
            }
            else
            {
                var pages = DataPages.Up(entry.Size);
                Assert.Equal((expected, pages), (entry.DataOffset, entry.Allocated));
                Assert.True(data.AsSpan((int)entry.DataOffset, (int)entry.Size).SequenceEqual(Random(i2, sizes[i2])));
                Assert.False(data.AsSpan((int)(entry.DataOffset + entry.Size), (int)(pages - entry.Size)).ContainsAnyExcept((byte)0));
                expected += pages;
            }

            i2++;
        }

        Assert.Equal(expected, data.Length);
        Assert.Equal((expected, expected), (index.Info.DataSize, index.Info.Allocated));
    }

    [Theory]
    [InlineData(Compression.None)]
    [InlineData(Compression.Gzip)]
    [InlineData(Compression.Zstd)]
    public async Task Pieces_cover_every_file_once_and_can_be_fetched_alone_by_their_spans(Compression compression)
    {
        var tar = new TarWriter();
        for (var i = 0; i < 40; i++) tar.File($"f{i}", Text(i, 1 + i * i * 2000));
        using var index = await BuildAsync(tar.ToArray(), compression);
        var data = Data;
        var spans = index.ReadSpans().ToList();
        var pieces = index.ReadPieces(0, index.Info.PieceCount).ToList();
        await using var blob = FileRangeSource.Open(BlobPath, default);

        Assert.Equal(index.Info.SpanCount, spans.Count);
        if (compression != Compression.Zstd) Assert.InRange(spans.Count, 15, 60);
        Assert.Equal(spans.Skip(1).Select(span => span.Start.OutOffset), spans.SkipLast(1).Select(span => span.OutEnd));
        Assert.Equal((0L, index.Info.StreamSize, index.Info.BlobSize), (spans[0].Start.OutOffset, spans[^1].OutEnd, spans[^1].InEnd));
        Assert.Equal(index.Info.PieceCount, pieces.Count);
        foreach (var span in spans)
        {
            var bytes = new byte[span.OutEnd - span.Start.OutOffset];
            await SpanReader.ReadAsync(blob, compression, span.Start, span.InEnd, bytes, default);
            foreach (var piece in pieces.Where(piece => piece.Span == span.Id))
            {
                var content = bytes.AsSpan((int)(piece.StreamOffset - span.Start.OutOffset), (int)piece.Length);
                Assert.Equal(piece.Sha256.Span, SHA256.HashData(content));
                Assert.True(content.SequenceEqual(data.AsSpan((int)piece.DataOffset, (int)piece.Length)));
            }
        }

        foreach (var entry in index.ReadEntries())
        {
            var position = entry.DataOffset;
            foreach (var piece in index.ReadPieces(entry.FirstPiece, entry.PieceCount))
            {
                Assert.Equal((entry.Id, position), (piece.EntryId, piece.DataOffset));
                position += piece.Length;
            }

            Assert.Equal(entry.DataOffset + entry.Size, position);
        }
    }

    /// <summary>Compresses to about a half, so that spans and deflate blocks are as in real layers.</summary>
    static byte[] Text(int seed, int length)
    {
        var random = new Random(seed);
        var data = new byte[length];
        for (var i = 0; i < length; i++) data[i] = (byte)('a' + random.Next(16));
        return data;
    }

    [Fact]
    public async Task Holes_are_holes_in_the_data_file_and_blocks_are_counted_honestly()
    {
        const long size = (64 << 20) + 5;
        var tar = new TarWriter()
            .File("before", "x")
            .Pax(("GNU.sparse.size", $"{size}"), ("GNU.sparse.numblocks", "4"), ("GNU.sparse.map", $"10,2,4094,4,{40 << 20},3,{size - 1},1"))
            .Header("sparse", '0', 10).Body("abcdefghij"u8)
            .Pax(("GNU.sparse.size", "100000"), ("GNU.sparse.map", "100000,0")).Header("hole", '0')
            .File("after", "y").ToArray();
        using var index = await BuildAsync(tar);
        var entries = new Dictionary<string, (long Offset, long Size, long Allocated, int Pieces, string Map)>();
        foreach (var entry in index.ReadEntries())
        {
            var map = "";
            for (var i = 0; i < entry.Sparse.Count; i++) map += entry.Sparse[i];
            entries[Encoding.ASCII.GetString(entry.Path)] = (entry.DataOffset, entry.Size, entry.Allocated, entry.PieceCount, map);
        }

        Assert.Equal((4096L, size, 4 * 4096L, 4, $"(10, 2)(4094, 4)({40 << 20}, 3)({size - 1}, 1)"), entries["sparse"]);
        Assert.Equal((4096 + DataPages.Up(size), 100000L, 0L, 0, "(100000, 0)"), entries["hole"]);
        Assert.Equal(entries["hole"].Offset + DataPages.Up(100000), entries["after"].Offset);
        var path = Path.Combine(LayerFolder, LayerBuilder.DataName);
        Assert.Equal(index.Info.DataSize, new FileInfo(path).Length);
        Assert.InRange(AllocatedBytes(path), 1, 200_000);

        using var file = File.OpenHandle(path);
        byte[] At(long offset, int length)
        {
            var bytes = new byte[length];
            Assert.Equal(length, RandomAccess.Read(file, bytes, offset));
            return bytes;
        }

        Assert.Equal("\0\0ab\0\0"u8, At(4096 + 8, 6));
        Assert.Equal("\0cdef\0"u8, At(4096 + 4093, 6));
        Assert.Equal("\0ghi\0"u8, At(4096 + (40 << 20) - 1, 5));
        Assert.Equal("\0j\0"u8, At(4096 + size - 2, 3));
        Assert.Equal("y\0"u8, At(entries["after"].Offset, 2));
    }

    static long AllocatedBytes(string path)
    {
        using var stat = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("stat", ["-c", "%b", path]) { RedirectStandardOutput = true })!;
        return long.Parse(stat.StandardOutput.ReadToEnd()) * 512;
    }

    [Fact]
    public async Task Everything_an_entry_says_is_kept()
    {
        var tar = new TarWriter()
            .Pax(("mtime", "-1.25"), ("uid", "4000000000"), ("SCHILY.xattr.security.capability", "\x01\0\0\x02"), ("SCHILY.xattr.user.a", "b"))
            .Header("./dir/n\xff", '0', 1, mode: 0x9ed, gid: 3_000_000).Body("x"u8)
            .Symlink("/link", "/../../outside").HardLink("hard", "./dir//n\xff")
            .Header("dev", '4', major: 259, minor: 70000).Header("fifo", '6').Directory("/").ToArray();
        using var index = await BuildAsync(tar);
        using var entries = index.ReadEntries();
        Assert.True(entries.MoveNext());
        var file = entries.Current;
        Assert.Equal("dir/n\xff", Encoding.Latin1.GetString(file.Path));
        Assert.Equal((0x9edu, 4000000000u, 3000000u, -2L, 750_000_000u), (file.Mode, file.Uid, file.Gid, file.MtimeSeconds, file.MtimeNanoseconds));
        var xattrs = new List<string>();
        foreach (var xattr in file.Xattrs) xattrs.Add(Encoding.ASCII.GetString(xattr.Name) + "=" + Convert.ToHexString(xattr.Value));
        Assert.Equal(["security.capability=01000002", "user.a=62"], xattrs);
        Assert.True(entries.MoveNext());
        Assert.Equal("/../../outside", Encoding.ASCII.GetString(entries.Current.Link));
        Assert.True(entries.MoveNext());
        Assert.Equal("dir/n\xff", Encoding.Latin1.GetString(entries.Current.Link));
        Assert.True(entries.MoveNext());
        Assert.Equal((LayerEntryType.BlockDevice, 259u, 70000u), (entries.Current.Type, entries.Current.RdevMajor, entries.Current.RdevMinor));
        Assert.True(entries.MoveNext());
        Assert.Equal(LayerEntryType.Fifo, entries.Current.Type);
        Assert.True(entries.MoveNext());
        Assert.True(entries.Current.Path.IsEmpty);
        Assert.False(entries.MoveNext());
    }

    [Fact]
    public async Task Entries_given_twice_are_both_kept_in_order()
    {
        using var index = await BuildAsync(new TarWriter().File("a", "first").File("./a", "second!").ToArray());
        Assert.Equal(["0 Regular a", "1 Regular a"], Paths(index));
    }

    [Fact]
    public async Task Whiteouts_are_entries_and_their_content_is_dropped()
    {
        var tar = new TarWriter().File("d/.wh.gone", "content").Header("d/.wh..wh..opq").Header(".wh..wh.plnk/", '5')
            .File(".wh..wh.plnk/1.2", "aufs").Directory("d/.wh.dir").File("d/kept", "k").ToArray();
        using var index = await BuildAsync(tar);
        Assert.Equal(["0 Whiteout d/gone", "1 Opaque d", "2 Whiteout d/dir", "3 Regular d/kept"], Paths(index));
        Assert.Equal((4096L, 1L), (index.Info.DataSize, index.Info.PieceCount));
    }

    [Fact]
    public async Task The_state_file_says_that_every_piece_is_there()
    {
        using var index = await BuildAsync(new TarWriter().File("a", "1").File("b", "2").File("c", "").ToArray());
        var state = await File.ReadAllBytesAsync(Path.Combine(LayerFolder, LayerBuilder.StateName));
        Assert.Equal("VfsState"u8, state.AsSpan(0, 8));
        Assert.Equal(2ul, BinaryPrimitives.ReadUInt64LittleEndian(state.AsSpan(16)));
        Assert.Equal(StateFile.FileSize(2), state.Length);
        Assert.Equal([1ul, 1ul], Enumerable.Range(0, 2).Select(i => BinaryPrimitives.ReadUInt64LittleEndian(state.AsSpan(StateFile.HeaderSize + i * 8))));
        Assert.True(AllocatedBytes(Path.Combine(LayerFolder, LayerBuilder.StateName)) >= state.Length);
    }

    [Fact]
    public async Task An_empty_layer_is_a_layer()
    {
        using var index = await BuildAsync(new TarWriter().ToArray());
        Assert.Equal((0L, 0L, 0L, 1), (index.Info.EntryCount, index.Info.DataSize, index.Info.PieceCount, index.Info.SpanCount));
        Assert.Empty(Data);
    }

    public static TheoryData<string> BadLayers => ["root link", "out", "hard link out", "hard link root", "whiteout up", "long name", "empty link", "absurd size", "cut"];

    [Theory]
    [MemberData(nameof(BadLayers))]
    public async Task A_layer_that_could_lead_astray_is_refused_with_its_digest(string what)
    {
        var tar = what switch
        {
            "root link" => new TarWriter().Symlink("./", "/etc").ToArray(),
            "out" => new TarWriter().File("../etc/passwd", "x").ToArray(),
            "hard link out" => new TarWriter().HardLink("a", "../../etc/shadow").ToArray(),
            "hard link root" => new TarWriter().HardLink("a", "/").ToArray(),
            "whiteout up" => new TarWriter().File("d/.wh...", "").ToArray(),
            "long name" => new TarWriter().Long('L', new string('n', 256)).File("n", "").ToArray(),
            "empty link" => new TarWriter().Symlink("a", "").ToArray(),
            "absurd size" => new TarWriter().Header("a", size: 1L << 50).ToArray(),
            _ => new TarWriter().Header("a", size: 5000).ToArray(),
        };
        var error = await Assert.ThrowsAsync<ImageException>(() => BuildAsync(tar));
        Assert.Contains(Digest.Sha256(LayoutWriter.Gzip(tar)).ToString(), error.Message, StringComparison.Ordinal);
        Assert.Contains("cannot be used", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_blob_of_another_size_than_announced_is_refused()
    {
        var tar = new TarWriter().File("a", "b").ToArray();
        await File.WriteAllBytesAsync(BlobPath, [.. tar, 0]);
        Directory.CreateDirectory(LayerFolder);
        await using var source = FileRangeSource.Open(BlobPath, default);
        var error = await Assert.ThrowsAsync<ImageException>(
            async () => await LayerBuilder.BuildAsync(LayerFolder, Layer(tar, tar, Compression.None), source, null, default));
        Assert.Contains($"{tar.Length}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_plain_blob_is_called_damaged_and_not_bad_tar()
    {
        var tar = new TarWriter().File("a", "b").ToArray();
        var layer = Layer(tar, tar, Compression.None);
        tar[0] ^= 1;
        await File.WriteAllBytesAsync(BlobPath, tar);
        Directory.CreateDirectory(LayerFolder);
        await using var source = FileRangeSource.Open(BlobPath, default);
        var error = await Assert.ThrowsAsync<ImageException>(async () => await LayerBuilder.BuildAsync(LayerFolder, layer, source, null, default));
        Assert.Contains("fetch the image again", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Random_layers_are_kept_to_the_byte()
    {
        for (var seed = 0; seed < 16; seed++)
        {
            var random = new Random(seed);
            var tar = new TarWriter();
            var expected = new List<(string Path, byte[] Content)>();
            for (var i = random.Next(1, 60); i > 0; i--)
            {
                var name = $"d{random.Next(5)}/f{i}";
                var content = random.Next(3) == 0 ? Random(seed + i, random.Next(0, 9000)) : Text(seed + i, random.Next(0, random.Next(1, 700_000)));
                if (random.Next(4) == 0 && content.Length > 0)
                {
                    var map = Map(random, content);
                    var stored = map.SelectMany(extent => content.AsSpan((int)extent.Offset, (int)extent.Length).ToArray()).ToArray();
                    tar.Pax(
                        ("path", name), ("GNU.sparse.size", $"{content.Length}"),
                        ("GNU.sparse.map", string.Join(',', map.Select(extent => $"{extent.Offset},{extent.Length}")))).Header("x", '0', stored.Length).Body(stored);
                }
                else
                {
                    tar.File(name, content);
                }

                expected.Add((name, content));
            }

            var codec = (Compression)random.Next(3);
            using var index = await BuildAsync(tar.ToArray(), codec);
            var data = Data;
            var position = 0;
            foreach (var entry in index.ReadEntries())
            {
                Assert.Equal(expected[position].Path, Encoding.ASCII.GetString(entry.Path));
                var actual = data.AsSpan((int)entry.DataOffset, (int)entry.Size);
                Assert.True(actual.SequenceEqual(expected[position].Content), $"seed {seed}, {expected[position].Path}");
                position++;
            }

            Assert.Equal(expected.Count, position);
            foreach (var piece in index.ReadPieces(0, index.Info.PieceCount))
                Assert.Equal(piece.Sha256.Span, SHA256.HashData(data.AsSpan((int)piece.DataOffset, (int)piece.Length)));
        }
    }

    /// <summary>Extents at random; what lies outside them becomes zeros in the content.</summary>
    static List<(long Offset, long Length)> Map(Random random, byte[] content)
    {
        var map = new List<(long, long)>();
        var position = 0;
        while (position < content.Length && map.Count < 100)
        {
            var hole = random.Next(0, Math.Min(content.Length - position, 30000) + 1);
            content.AsSpan(position, hole).Clear();
            position += hole;
            var length = random.Next(0, Math.Min(content.Length - position, 20000) + 1);
            map.Add((position, length));
            position += length;
        }

        content.AsSpan(position).Clear();
        return map;
    }
}
