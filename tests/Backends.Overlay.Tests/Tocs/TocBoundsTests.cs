using System.Text;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Tocs;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Tocs;

/// <summary>Tables that pack to nearly nothing, and would take memory without a bound.</summary>
public sealed class TocBoundsTests : IDisposable
{
    const int Many = 200_000;

    /// <summary>Of what it takes to refuse a table, besides its bytes: a text of the longest that may be.</summary>
    const long Enough = 4 << 20;

    readonly string _folder = Directory.CreateTempSubdirectory("vfs-toc").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static string File(long size) => $$"""{"name":"f","type":"reg","size":{{size}},"offset":1,"chunkSize":1,"chunkDigest":"{{Digest.Sha256("x"u8)}}"}""";

    public static TheoryData<string> Chunks => new()
    {
        """{"name":"f","type":"chunk"}""",
        """{"name":"f","type":"chunk","chunkOffset":1}""",
        $$"""{"name":"f","type":"chunk","chunkOffset":0,"chunkDigest":"{{Digest.Sha256("x"u8)}}"}""",
        $$"""{"name":"f","type":"chunk","chunkOffset":1,"chunkDigest":"{{Digest.Sha256("x"u8)}}"}""",
        """{"name":"f","type":"chunk","chunkOffset":1,"chunkDigest":"sha256:00"}""",
        """{"name":"f","type":"chunk","chunkOffset":9223372036854775807,"chunkDigest":"x"}""",
    };

    [Theory]
    [MemberData(nameof(Chunks))]
    public void Chunks_that_cannot_be_are_refused_before_there_are_many_of_them(string chunk)
    {
        // One fits behind the file's own part at most.
        Assert.InRange(AllocatedUntilRefused($"{File(1 << 30)},{string.Join(',', Enumerable.Repeat(chunk, Many))}"), 0, Enough);
    }

    [Fact]
    public void Members_without_number_are_refused() =>
        Assert.InRange(AllocatedUntilRefused($$"""{"name":"d","type":"dir",{{string.Join(',', Enumerable.Range(0, Many).Select(i => $"\"m{i}\":0"))}}}"""), 0, Enough);

    [Fact]
    public void Attributes_without_number_are_refused() =>
        Assert.InRange(AllocatedUntilRefused("""{"name":"d","type":"dir","xattrs":{""" + string.Join(',', Enumerable.Repeat("\"a\":\"\"", Many)) + "}}"), 0, Enough);

    [Theory]
    [InlineData("name")]
    [InlineData("linkName")]
    [InlineData("modtime")]
    [InlineData("chunkDigest")]
    public void Texts_without_end_are_refused(string member) =>
        Assert.InRange(AllocatedUntilRefused($$"""{"type":"dir","{{member}}":"{{new string('x', 10 << 20)}}"}"""), 0, Enough);

    [Fact]
    public void Many_chunks_of_a_file_are_taken_where_they_are_the_file()
    {
        const int Count = 5000;
        var chunks = Enumerable.Range(0, Count).Select(i => $$"""{"name":"f","type":"chunk","offset":{{i + 2}},"chunkOffset":{{i + 1}},"chunkSize":1,"chunkDigest":"{{Digest.Sha256("x"u8)}}"}""");
        using (var index = new LayerIndexWriter(Path.Combine(_folder, LayerBuilder.IndexName)))
            Assert.Equal(Count + 1, Read(index, $"{File(Count + 1)},{string.Join(',', chunks)}").PieceCount);
    }

    long AllocatedUntilRefused(string entries)
    {
        using var index = new LayerIndexWriter(Path.Combine(_folder, LayerBuilder.IndexName));
        var json = Document(entries);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<LayerImportException>(() => Read(index, json));
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    static byte[] Document(string entries) => Encoding.UTF8.GetBytes($$"""{"version":1,"entries":[{{entries}}]}""");

    static LayerInfo Read(LayerIndexWriter index, string entries)
    {
        var info = Read(index, Document(entries));
        index.Complete(info);
        return info;
    }

    static LayerInfo Read(LayerIndexWriter index, byte[] json)
    {
        var blob = Digest.Sha256("a layer"u8);
        var assembler = new TocAssembler(index, new ImageLayer(new Descriptor("layer", blob, 1 << 20, null, new Dictionary<string, string>()), Compression.Gzip, blob));
        var members = new TocMembers(assembler, EStargz.Chunking);
        TocReader.Read(json, members.Add);
        members.Complete();
        return assembler.Complete(1 << 20);
    }
}
