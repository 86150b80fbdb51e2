using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tests.Merge;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.IndexBlobs;

/// <summary>Blobs that somebody bent: refused in one line, or an index without a contradiction.</summary>
public sealed class BentIndexBlobTests : IDisposable
{
    static readonly byte[] s_masks = [1, 0x40, 0x80, 0xff];

    readonly LocalIndex _local = LocalIndex.CreateAsync(new MadeLayer(
        new TarWriter()
            .Directory("d/").File("d/f", new string('x', 5000)).Symlink("s", "d/f").HardLink("h", "d/f").File(".wh.gone", "").File("d/.wh..wh..opq", "")
            .Header("c", '3', major: 10, minor: 229)
            .Entry(new MadeEntry("sparse", '0') { Data = TarWriter.Bytes(new string('s', 1536)), Extents = [(512, 512), (8192, 1024)], RealSize = 20_000 }, HeaderDialect.Pax)
            .Entry(new MadeEntry("hole", '0') { Extents = [(3_000_000, 0)], RealSize = 3_000_000 }, HeaderDialect.Pax)
            .Entry(new MadeEntry("x", '0') { Data = [1, 2, 3], Nanoseconds = 5, Xattrs = [("user.a", "1"), ("user.b", "")] }, HeaderDialect.Pax)
            .ToArray(),
        LayerForm.Gzip)).GetAwaiter().GetResult();

    public void Dispose() => _local.Dispose();

    [Fact]
    public void Whatever_byte_of_a_blob_is_bent()
    {
        var blob = _local.Blob;
        for (var i = 0; i < blob.Length; i++)
        {
            var bent = blob.ToArray();
            bent[i] ^= s_masks[i % s_masks.Length];
            RefusedOrSound(bent);
        }
    }

    [Theory]
    [InlineData(nameof(IndexSection.Spans))]
    [InlineData(nameof(IndexSection.Entries))]
    public void Whatever_byte_of_a_section_is_bent(string name)
    {
        var section = Enum.Parse<IndexSection>(name);
        var parts = BlobParts.Of(_local.BlobPath);
        var bytes = parts.Sections[(int)section];
        var refused = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            var bent = bytes.ToArray();
            bent[i] ^= s_masks[i % s_masks.Length];
            if (!RefusedOrSound(parts.With(section, bent).Join())) refused++;
        }

        Assert.True(refused > bytes.Length / 4, $"{refused} of {bytes.Length} were refused");
    }

    [Fact]
    public void Whatever_the_header_announces_instead()
    {
        var parts = BlobParts.Of(_local.BlobPath);
        var info = parts.Header.Info;
        foreach (var value in (long[])[0, 1, -1, long.MaxValue, long.MinValue, int.MaxValue, 1L << 40])
        {
            foreach (var bent in (LayerInfo[])
                [
                    info with { StreamSize = value }, info with { DataSize = value }, info with { Allocated = value }, info with { EntryCount = value },
                    info with { PieceCount = value }, info with { SpanCount = (int)value }, info with { BlobSize = value },
                ])
            {
                if (bent != info) Assert.False(RefusedOrSound((parts with { Header = parts.Header with { Info = bent } }).Join()));
            }
        }
    }

    [Fact]
    public void Wherever_a_blob_is_cut()
    {
        var blob = _local.Blob;
        for (var length = 0; length < blob.Length; length++) Assert.False(RefusedOrSound(blob[..length]));
        Assert.False(RefusedOrSound([.. blob, 0]));
        Assert.False(RefusedOrSound([.. blob, .. blob]));
    }

    [Theory]
    [InlineData(nameof(IndexSection.Spans))]
    [InlineData(nameof(IndexSection.Entries))]
    [InlineData(nameof(IndexSection.Hashes))]
    [InlineData(nameof(IndexSection.Windows))]
    public void A_section_with_more_or_less_than_it_should_have_is_refused(string name)
    {
        var section = Enum.Parse<IndexSection>(name);
        var parts = BlobParts.Of(_local.BlobPath);
        var bytes = parts.Sections[(int)section];
        Assert.False(RefusedOrSound(parts.With(section, [.. bytes, 0]).Join()));
        if (bytes.Length > 0) Assert.False(RefusedOrSound(parts.With(section, bytes[..^1]).Join()));
    }

    [Fact]
    public void A_section_that_grows_without_end_is_given_up_at_its_announced_size()
    {
        var parts = BlobParts.Of(_local.BlobPath);
        var bomb = parts.With(IndexSection.Spans, new byte[64 << 20]).Join();
        var honest = parts.Join();
        var header = IndexBlobHeader.Decode(bomb.AsMemory(0, Math.Min(bomb.Length, IndexBlobFormat.MaxHeaderSize)), bomb.Length, out var length);
        var lying = header with { Sections = [(header.Sections[0].Packed, parts.Sections[0].Length), .. header.Sections.Skip(1)] };
        Assert.False(RefusedOrSound([.. lying.Encode(), .. bomb[length..]]));
        Assert.True(RefusedOrSound(honest));
    }

    [Fact]
    public void An_index_that_grows_to_what_neither_its_blob_nor_its_layer_is_worth_is_given_up_early()
    {
        const int Count = 8000;
        var parts = BlobParts.Of(_local.BlobPath);
        // Each with the same attribute of 32 KiB: a quarter of a GiB, of a blob of some kilobytes.
        var value = new string([.. Enumerable.Range(0, 32 << 10).Select(i => (char)((i * 7919 >> 5) & 0xff))]);
        var header = parts.Header with { Info = parts.Header.Info with { EntryCount = Count, PieceCount = 0, Allocated = 0, DataSize = 0 } };
        var bomb = (parts with { Header = header }).With(IndexSection.Hashes, []).Join(IndexSection.Entries, section =>
        {
            var group = new MemberGroupWriter();
            for (var i = 0; i < Count; i++)
            {
                if (group.IsFull) group.WriteTo(section);
                group.Add(new TestEntry(LayerEntryType.Directory, $"d{i}") { Xattrs = [("user.x", value)] }.ToEntry(i), null);
            }

            group.WriteTo(section);
        });
        Assert.InRange(bomb.Length, 0, 4 << 20);

        var error = Assert.Throws<ImageException>(() => _local.Import(bomb));

        Assert.Contains("a decompression bomb", error.Message, StringComparison.Ordinal);
        Assert.InRange(new FileInfo(Path.Combine(_local.LastImport, LayerBuilder.IndexName)).Length, 0, 40 << 20);
    }

    [Fact]
    public void Spans_that_lie_closer_than_any_stream_has_them_are_refused()
    {
        var parts = BlobParts.Of(_local.BlobPath);
        var info = parts.Header.Info;
        Assert.True(info.StreamSize < StreamDecoder.DefaultSpanSize);
        var error = Assert.Throws<ImageException>(() => _local.Import((parts with { Header = parts.Header with { Info = info with { SpanCount = 2 } } }).Join()));
        Assert.Contains("it has 2 spans", error.Message, StringComparison.Ordinal);
    }

    /// <returns>Whether it was taken.</returns>
    bool RefusedOrSound(byte[] blob)
    {
        string folder;
        try
        {
            folder = _local.Import(blob);
        }
        catch (ImageException refused)
        {
            Assert.DoesNotContain('\n', refused.Message);
            return false;
        }

        using var index = LayerIndex.Open(Path.Combine(folder, LayerBuilder.IndexName));
        IndexSoundness.Check(index);
        Directory.Delete(folder, recursive: true);
        return true;
    }
}
