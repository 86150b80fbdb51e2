using System.Text.Json.Nodes;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Tests.IndexBlobs;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Tocs;

/// <summary>Tables of contents that somebody bent, pinned as they are: refused in one line, or an index without a contradiction.</summary>
public sealed class BentTocTests
{
    static readonly string[] s_values = ["null", "-1", "1", "9223372036854775807", "0.5", "\"../x\"", "\"\\ufffd\"", "{}"];

    static readonly MadeEntry[] s_entries =
    [
        MadeEntry.Directory("d") with { Xattrs = [("user.x", "1")] },
        MadeEntry.File("d/f", new string('x', 2500)),
        MadeEntry.Symlink("s", "d/f"),
        new("c", '3') { Major = 10, Minor = 229, Uid = 5 },
        MadeEntry.File("g", "g"),
    ];

    static TocLayer Create(Compression compression, Action<JsonObject>? bend = null) =>
        compression == Compression.Gzip ? EStargzWriter.Create(s_entries, bend: bend) : ZstdChunkedWriter.Create(s_entries, bend: bend);

    /// <returns>Whether it was taken.</returns>
    static async Task<bool> RefusedOrSoundAsync(TocLayer made, Compression compression)
    {
        await using var import = new TocImport(made, compression);
        if (await import.TryAsync() is not { } folder)
        {
            Assert.DoesNotContain('\n', Assert.Single(import.Explained));
            return false;
        }

        using var index = LayerIndex.Open(Path.Combine(folder, LayerBuilder.IndexName));
        IndexSoundness.Check(index);
        return true;
    }

    [Theory]
    [InlineData(Compression.Gzip)]
    [InlineData(Compression.Zstd)]
    public async Task Whatever_member_has_another_value_or_none(Compression compression)
    {
        var places = new List<(int Entry, string Member)>();
        Create(compression, toc =>
        {
            foreach (var (entry, i) in toc["entries"]!.AsArray().Select((entry, i) => (entry!.AsObject(), i)))
                places.AddRange(entry.Select(member => (i, member.Key)));
        });
        var refused = 0;
        foreach (var (entry, member) in places)
        {
            foreach (var value in s_values)
                if (!await RefusedOrSoundAsync(Create(compression, toc => toc["entries"]![entry]![member] = JsonNode.Parse(value)), compression)) refused++;
            await RefusedOrSoundAsync(Create(compression, toc => toc["entries"]![entry]!.AsObject().Remove(member)), compression);
        }

        Assert.True(refused > places.Count * s_values.Length / 2, $"{refused} were refused");
    }

    [Theory]
    [InlineData(Compression.Gzip)]
    [InlineData(Compression.Zstd)]
    public async Task Entries_that_are_left_out_moved_or_given_twice(Compression compression)
    {
        var count = 0;
        Create(compression, toc => count = toc["entries"]!.AsArray().Count);
        for (var from = 0; from < count; from++)
        {
            await RefusedOrSoundAsync(Create(compression, toc => toc["entries"]!.AsArray().RemoveAt(from)), compression);
            for (var to = 0; to < count; to++)
            {
                await RefusedOrSoundAsync(Create(compression, toc => toc["entries"]!.AsArray().Insert(to, toc["entries"]![from]!.DeepClone())), compression);
            }
        }
    }

    [Theory]
    [InlineData(Compression.Gzip)]
    [InlineData(Compression.Zstd)]
    public async Task Documents_that_are_none(Compression compression)
    {
        Assert.True(await RefusedOrSoundAsync(Create(compression), compression));
        Assert.False(await RefusedOrSoundAsync(Create(compression, toc => toc["version"] = 2), compression));
        Assert.False(await RefusedOrSoundAsync(Create(compression, toc => toc.Remove("version")), compression));
        Assert.False(await RefusedOrSoundAsync(Create(compression, toc => toc.Remove("entries")), compression));
        Assert.False(await RefusedOrSoundAsync(Create(compression, toc => toc["entries"] = new JsonObject()), compression));
        Assert.False(await RefusedOrSoundAsync(Create(compression, toc => toc["entries"] = new JsonArray(1, 2)), compression));
    }

    [Theory]
    [InlineData(Compression.Gzip)]
    [InlineData(Compression.Zstd)]
    public async Task Whatever_byte_of_the_blobs_end_is_bent(Compression compression)
    {
        var made = Create(compression);
        for (var i = made.Blob.Length - 400; i < made.Blob.Length; i += 3)
        {
            var blob = made.Blob.ToArray();
            blob[i] ^= (byte)(1 << i % 8);
            await RefusedOrSoundAsync(made with { Blob = blob }, compression);
        }
    }

    [Fact]
    public async Task Positions_of_the_table_that_are_none()
    {
        var made = Create(Compression.Zstd);
        const string Position = "io.github.containers.zstd-chunked.manifest-position";
        foreach (var position in (string[])["", "1:2:3", "1:2:3:4", "-1:2:3:1", "0:0:0:1", "9223372036854775807:9223372036854775807:1:1", $"{made.Blob.Length - 1}:2:3:1", "0:5:9223372036854775807:1", "x:y:z:1"])
        {
            var annotations = made.Annotations.ToDictionary();
            annotations[Position] = position;
            Assert.False(await RefusedOrSoundAsync(made with { Annotations = annotations }, Compression.Zstd));
        }
    }
}
