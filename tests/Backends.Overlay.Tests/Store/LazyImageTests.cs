using System.Globalization;
using System.Text;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Backends.Overlay.Tests.Images;
using VirtioFsStore.Backends.Overlay.Tests.IndexBlobs;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Store;

/// <summary>Images whose layers are described by an index that their manifest pins: nothing of them is fetched before it is read.</summary>
public sealed class LazyImageTests : IDisposable
{
    const int Files = 12;
    const int FileSize = 700_000;

    /// <summary>Longer than any machine needs.</summary>
    static readonly TimeSpan s_never = TimeSpan.FromMinutes(2);

    readonly LayoutWriter _layout = new();
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-lazy").FullName;
    readonly byte[][] _contents = [.. Enumerable.Range(0, Files).Select(Noise)];

    public void Dispose()
    {
        _layout.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    ImageRequest Request => new(ImageReference.Parse($"oci:{_layout.Path}:v1"), Platform.Current);

    [Fact]
    public async Task Only_what_is_read_is_fetched()
    {
        var size = await PinAsync();
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        var opened = await OpenAsync(keeper);
        await using var system = opened.FileSystem;

        await AssertSameAsync(system, 7);

        var counts = await opened.Kept.CountAsync(default);
        // The rest of its last span may still be on its way.
        Assert.InRange(counts.BytesFetched, FileSize / 4, size / 2);
        Assert.Equal(1, counts.Misses);
        Assert.InRange(counts.PiecesPresent, 1, counts.Pieces - 1);
        // Once more, and nothing is asked for.
        await AssertSameAsync(system, 7);
        var again = await opened.Kept.CountAsync(default);
        Assert.Equal((1, counts.Requests), (again.Misses, again.Requests));
    }

    [Fact]
    public async Task All_files_are_right_in_any_order()
    {
        await PinAsync();
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        await using var system = (await OpenAsync(keeper)).FileSystem;
        var order = Enumerable.Range(0, Files).ToArray();
        new Random(1).Shuffle(order);

        await Task.WhenAll(order.Select(file => AssertSameAsync(system, file)));
    }

    [Fact]
    public async Task What_was_fetched_is_there_for_the_next_keeper_while_the_source_is_gone()
    {
        await PinAsync();
        await using (var keeper = new LocalKeeper(StoreDirectory.Open(_folder)))
        {
            await using var system = (await OpenAsync(keeper)).FileSystem;
            await AssertSameAsync(system, 3);
        }

        var blob = (await ResolveAsync()).Layers[0].Blob.Digest;
        File.Move(_layout.BlobPath(blob), _layout.BlobPath(blob) + ".gone");
        await using var next = new LocalKeeper(StoreDirectory.Open(_folder));
        await using var again = (await OpenAsync(next)).FileSystem;

        await AssertSameAsync(again, 3);
        Assert.Equal(Errno.EIO, (await ReadAsync(again, 11)).Error);
        // It comes back, and the next read finds it.
        File.Move(_layout.BlobPath(blob) + ".gone", _layout.BlobPath(blob));
        await AssertSameAsync(again, 11);
    }

    [Fact]
    public async Task Bytes_that_are_not_the_layers_never_reach_a_reader()
    {
        await PinAsync();
        var blob = (await ResolveAsync()).Layers[0].Blob.Digest;
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        var opened = await OpenAsync(keeper);
        await using var system = opened.FileSystem;
        using (var file = File.Open(_layout.BlobPath(blob), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            file.Position = file.Length / 2;
            file.Write("tampered"u8);
        }

        var failed = 0;
        for (var i = 0; i < Files; i++)
        {
            var (error, bytes) = await ReadAsync(system, i);
            if (error != Errno.None)
                failed++;
            else
                Assert.Equal(_contents[i], bytes);
        }

        Assert.InRange(failed, 1, Files - 1);
        Assert.NotEqual(0, (await opened.Kept.CountAsync(default)).VerifyFailures);
    }

    [Fact]
    public async Task An_image_that_does_not_vouch_for_an_index_does_not_get_what_it_made()
    {
        await PinAsync();
        var plain = _layout.Manifest([Layer((await ResolveAsync()).Layers[0].Blob, "")], [(await ResolveAsync()).Layers[0].DiffId.ToString()]);
        _layout.Tag("plain", plain);
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        var pinned = await OpenAsync(keeper);
        await using var system = pinned.FileSystem;
        await AssertSameAsync(system, 0);

        var other = await OpenAsync(keeper, Request with { Reference = Request.Reference with { Tag = "plain" } });
        await using var streamed = other.FileSystem;

        // It was streamed: all of it is there. The one that is being served goes on with what it has.
        var counts = await other.Kept.CountAsync(default);
        Assert.Equal(counts.Pieces, counts.PiecesPresent);
        await AssertSameAsync(streamed, 9);
        await AssertSameAsync(system, 9);
    }

    [Fact]
    public async Task Pieces_that_no_layer_has_are_refused()
    {
        await PinAsync();
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        var opened = await OpenAsync(keeper);
        await using var system = opened.FileSystem;
        var pieces = (await opened.Kept.CountAsync(default)).Pieces;

        Assert.Equal(Errno.EINVAL, await opened.Kept.FetchAsync(1, 0, 1, default));
        Assert.Equal(Errno.EINVAL, await opened.Kept.FetchAsync(-1, 0, 1, default));
        Assert.Equal(Errno.EINVAL, await opened.Kept.FetchAsync(0, pieces, 1, default));
        Assert.Equal(Errno.EINVAL, await opened.Kept.FetchAsync(0, 0, int.MaxValue, default));
        Assert.Equal(Errno.EINVAL, await opened.Kept.FetchAsync(0, long.MaxValue, 1, default));
    }

    [Fact]
    public async Task A_keeper_that_has_ended_does_not_say_that_bytes_cannot_be_had()
    {
        await PinAsync();
        var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        await using var kept = await keeper.OpenImageAsync(Request, null, default);

        await keeper.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => kept.FetchAsync(0, 0, 1, default).AsTask());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => kept.ReadThroughAsync(0, 0, 1, 0, 1, default).AsTask());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => kept.CountAsync(default).AsTask());
    }

    [Fact]
    public async Task A_layer_that_is_made_anew_has_other_files()
    {
        await PinAsync();
        var resolved = await ResolveAsync();
        _layout.Tag("plain", _layout.Manifest([Layer(resolved.Layers[0].Blob, "")], [resolved.Layers[0].DiffId.ToString()]));
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        await using var first = await keeper.OpenImageAsync(Request, null, default);
        await using var second = await keeper.OpenImageAsync(Request, null, default);
        await using var anew = await keeper.OpenImageAsync(Request with { Reference = Request.Reference with { Tag = "plain" } }, null, default);

        Assert.Equal(2, first.Files.IdentifyContent().Length);
        Assert.Equal(first.Files.IdentifyContent(), second.Files.IdentifyContent());
        Assert.All(first.Files.IdentifyContent().Zip(anew.Files.IdentifyContent()), pair => Assert.NotEqual(pair.First, pair.Second));
    }

    [Fact]
    public async Task A_damaged_index_is_made_anew_and_what_was_fetched_stays()
    {
        await PinAsync();
        var layer = (await ResolveAsync()).Layers[0].Blob.Digest;
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        await using (var system = (await OpenAsync(keeper)).FileSystem) await AssertSameAsync(system, 3);
        var path = keeper.Store.LayerPath(layer, LayerFile.Index);
        var sound = Damage(path);

        var opened = await OpenAsync(keeper);
        await using var again = opened.FileSystem;

        Assert.Equal(sound, await File.ReadAllBytesAsync(path));
        await AssertSameAsync(again, 3);
        Assert.Equal(0, (await opened.Kept.CountAsync(default)).Misses);
        await AssertSameAsync(again, 11);
        Assert.Equal(1, (await opened.Kept.CountAsync(default)).Misses);
    }

    [Fact]
    public async Task A_damaged_index_of_a_source_that_is_gone_costs_nothing_of_what_is_there()
    {
        await PinAsync();
        var layer = (await ResolveAsync()).Layers[0].Blob;
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        await using (var system = (await OpenAsync(keeper)).FileSystem) await AssertSameAsync(system, 3);
        Damage(keeper.Store.LayerPath(layer.Digest, LayerFile.Index));
        var blobs = Directory.GetParent(_layout.BlobPath(layer.Digest))!.FullName;
        var gone = new[] { layer.Digest, Digest.Parse(layer.Annotations[IndexBlobFormat.DigestAnnotation]) }.Select(digest => Path.Combine(blobs, digest.Hex)).ToList();
        gone.ForEach(path => File.Move(path, path + ".gone"));

        var error = await Assert.ThrowsAsync<ImageException>(() => OpenAsync(keeper));

        Assert.Contains(layer.Digest.ToString(), error.Message, StringComparison.Ordinal);
        gone.ForEach(path => File.Move(path + ".gone", path));
        var opened = await OpenAsync(keeper);
        await using var again = opened.FileSystem;
        await AssertSameAsync(again, 3);
        Assert.Equal(0, (await opened.Kept.CountAsync(default)).Misses);
    }

    [Fact]
    public async Task A_damaged_index_that_cannot_be_had_again_is_replaced_by_the_layer_as_it_is_streamed()
    {
        await PinAsync();
        var layer = (await ResolveAsync()).Layers[0].Blob;
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        await using (var system = (await OpenAsync(keeper)).FileSystem) await AssertSameAsync(system, 3);
        Damage(keeper.Store.LayerPath(layer.Digest, LayerFile.Index));
        File.Delete(_layout.BlobPath(Digest.Parse(layer.Annotations[IndexBlobFormat.DigestAnnotation])));

        var opened = await OpenAsync(keeper);
        await using var again = opened.FileSystem;

        Assert.Null(keeper.Store.ReadLayerDigests(layer.Digest)!.RemoteIndex);
        var counts = await opened.Kept.CountAsync(default);
        Assert.Equal(counts.Pieces, counts.PiecesPresent);
        await AssertSameAsync(again, 11);
    }

    /// <returns>What it was.</returns>
    static byte[] Damage(string path)
    {
        var sound = File.ReadAllBytes(path);
        var bytes = sound.ToArray();
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(path, bytes);
        return sound;
    }

    [SmallDisk.Fact]
    public async Task An_image_may_be_closed_while_room_is_made_for_what_it_fetches()
    {
        const int Rounds = 20;
        await PinAsync();
        // For less than half of the content.
        using var disk = new SmallDisk("4m");
        await using var keeper = new LocalKeeper(StoreDirectory.Open(disk.Path));
        for (var round = 0; round < Rounds; round++)
        {
            var kept = await keeper.OpenImageAsync(Request, null, default);
            kept.Files.Dispose();
            var pieces = (await kept.CountAsync(default)).Pieces;
            var fetches = Enumerable.Range(0, (int)pieces).Select(piece => Task.Run(() => kept.FetchAsync(0, piece, 1, default).AsTask())).ToArray();
            // At another moment in each round.
            await Task.WhenAll(fetches.Take(round));
            await kept.DisposeAsync().AsTask().WaitAsync(s_never);
            await Task.WhenAll(fetches).WaitAsync(s_never);
        }
    }

    [Fact]
    public async Task What_a_server_uses_is_known_to_the_next_keeper_too()
    {
        const int Used = 5;
        await PinAsync();
        var store = StoreDirectory.Open(_folder);
        var first = new LocalKeeper(store);
        await using var kept = await first.OpenImageAsync(Request, null, default);
        var maps = kept.Files.DuplicateUseMaps();
        kept.Files.Dispose();
        var pieces = (int)(await kept.CountAsync(default)).Pieces;
        Assert.Equal(Errno.None, await kept.FetchAsync(0, 0, pieces, default));
        await first.DisposeAsync();
        // What was noted before is lost; it notes on.
        File.Delete(Path.Combine(store.LayerFolder((await ResolveAsync()).Layers[0].Blob.Digest), LayerBuilder.UsedName));
        using (var server = new UseMapWriter(maps[0].Value, pieces)) server.Touch(Used, 1);

        await using var next = new LocalKeeper(store);
        await using var again = await next.OpenImageAsync(Request with { UseMaps = maps }, null, default);
        again.Files.Dispose();
        foreach (var map in maps) map.Dispose();
        var collected = await next.WorkAsync(new CacheWork(CacheWorkKind.Collect, FileSize * 2), _ => { }, default);

        Assert.NotEqual(0, collected.Pieces);
        Assert.Equal(Errno.None, await again.FetchAsync(0, Used, 1, default));
        Assert.Equal(0, (await again.CountAsync(default)).Misses);
    }

    [SmallDisk.Fact]
    public async Task On_a_full_disk_what_a_closed_image_has_left_makes_way()
    {
        await PinAsync();
        await PinAsync("v2", [.. Enumerable.Range(Files, Files).Select(Noise)]);
        // For the content of one of them, and no more.
        using var disk = new SmallDisk("12m");
        await using var keeper = new LocalKeeper(StoreDirectory.Open(disk.Path));
        await FetchAllAsync(Request);
        var before = Assert.Single(await ReportAsync());
        Assert.Equal(before.Pieces, before.Present);

        await FetchAllAsync(Request with { Reference = Request.Reference with { Tag = "v2" } });

        var after = await ReportAsync();
        Assert.InRange(after.Single(layer => layer.Layer == before.Layer).Present, 0, before.Present - 1);
        Assert.All(after, layer => Assert.False(layer.IsOpen));

        async Task<List<LayerReport>> ReportAsync()
        {
            var reports = new List<LayerReport>();
            await keeper.WorkAsync(new CacheWork(CacheWorkKind.Count), reports.Add, default);
            return reports;
        }

        async Task FetchAllAsync(ImageRequest request)
        {
            await using var kept = await keeper.OpenImageAsync(request, null, default);
            kept.Files.Dispose();
            var pieces = (await kept.CountAsync(default)).Pieces;
            for (var piece = 0; piece < pieces; piece++)
                Assert.Equal(Errno.None, await kept.FetchAsync(0, piece, 1, default));
        }
    }

    /// <summary>Makes an image of one layer, whose index the manifest pins.</summary>
    /// <returns>The layer's compressed size.</returns>
    async Task<long> PinAsync(string tag = "v1", byte[][]? contents = null)
    {
        contents ??= _contents;
        var tar = new TarWriter();
        for (var i = 0; i < contents.Length; i++)
            tar.File(Name(i), contents[i]);
        var bytes = tar.ToArray();
        using var local = await LocalIndex.CreateAsync(new MadeLayer(bytes));
        var index = local.Blob;
        var compressed = LayoutWriter.Gzip(bytes);
        Assert.Equal(local.Layer.Blob.Digest, _layout.Blob(compressed));
        var pin = string.Create(
            CultureInfo.InvariantCulture, $",\"annotations\":{{\"{IndexBlobFormat.DigestAnnotation}\":\"{_layout.Blob(index)}\",\"{IndexBlobFormat.SizeAnnotation}\":\"{index.Length}\"}}");
        _layout.Tag(tag, _layout.Manifest([Layer(local.Layer.Blob, pin)], [local.Layer.DiffId.ToString()]));
        return compressed.Length;
    }

    static string Layer(Descriptor blob, string more) =>
        $$"""{"mediaType":"{{blob.MediaType}}","digest":"{{blob.Digest}}","size":{{blob.Size}}{{more}}}""";

    async Task<ResolvedImage> ResolveAsync()
    {
        await using var source = new LayoutImageSource(_layout.Path);
        return await ImageResolver.ResolveAsync(source, Request.Reference, Platform.Current, default);
    }

    async Task<(ImageFileSystem FileSystem, IKeptImage Kept)> OpenAsync(LocalKeeper keeper, ImageRequest? request = null)
    {
        var kept = await keeper.OpenImageAsync(request ?? Request, null, default);
        return (kept.Files.ToFileSystem(kept), kept);
    }

    async Task AssertSameAsync(ImageFileSystem system, int file)
    {
        var (error, bytes) = await ReadAsync(system, file);
        Assert.Equal(Errno.None, error);
        Assert.Equal(_contents[file], bytes);
    }

    static async Task<(Errno Error, byte[] Bytes)> ReadAsync(ImageFileSystem system, int file)
    {
        using var request = new TestRequest();
        var entry = await system.LookupAsync(request.Named(Encoding.ASCII.GetBytes(Name(file))), new NodeId(1));
        var read = await system.ReadAsync(request, entry.Value.Node, default, 0, request.Into(FileSize));
        return (read.Error, read.Error == Errno.None ? request.Buffer[..read.Value].ToArray() : []);
    }

    static string Name(int file) => string.Create(CultureInfo.InvariantCulture, $"file{file:00}");

    static byte[] Noise(int seed)
    {
        // Text of a sort: it compresses, but not to nothing.
        var bytes = new byte[FileSize];
        new Random(seed).NextBytes(bytes);
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)('a' + (bytes[i] & 15));
        return bytes;
    }
}
