using System.Text;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Backends.Overlay.Tests.Tar;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Store;

public sealed class LocalKeeperTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-store").FullName;
    readonly LayoutWriter _layout = new();

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        _layout.Dispose();
    }

    [Fact]
    public async Task An_image_is_resolved_and_its_layers_are_indexed()
    {
        var tar = new TarWriter().Directory("./").Directory("a/").File("a/hello", "hello").Symlink("a/link", "hello").File(".wh.gone", "").ToArray();
        _layout.Image("v1", tar);
        var store = StoreDirectory.Open(_folder);
        await using var keeper = new LocalKeeper(store);

        var image = await ResolveAsync(keeper);
        await EnsureLayersAsync(keeper, image);

        using var index = store.OpenLayerIndex(Assert.Single(image.Layers).Blob.Digest);
        var found = new List<string>();
        foreach (var entry in index.ReadEntries()) found.Add($"{entry.Type} {Encoding.UTF8.GetString(entry.Path)} {entry.Size}");
        Assert.Equal(["Directory  0", "Directory a 0", "Regular a/hello 5", "Symlink a/link 0", "Whiteout gone 0"], found);
        Assert.Equal(4096, index.Info.DataSize);
        var data = File.ReadAllBytes(store.LayerPath(image.Layers[0].Blob.Digest, LayerFile.Data));
        Assert.Equal("hello"u8, data.AsSpan(0, 5));
        Assert.Equal(4096, data.Length);
        Assert.Equal(StateFile.FileSize(1), new FileInfo(store.LayerPath(image.Layers[0].Blob.Digest, LayerFile.State)).Length);
    }

    static byte[] Noise(int seed, int length)
    {
        var noise = new byte[length];
        new Random(seed).NextBytes(noise);
        return noise;
    }

    async Task<ResolvedImage> ResolveAsync(LocalKeeper keeper, string tag = "v1")
    {
        var request = new ImageRequest(ImageReference.Parse($"oci:{_layout.Path}:{tag}"), Platform.Current);
        await using var source = keeper.OpenSource(request);
        return await LocalKeeper.ResolveAsync(source, request, default);
    }

    static async Task EnsureLayersAsync(LocalKeeper keeper, ResolvedImage image, IProgress<LayerProgress>? progress = null, CancellationToken cancellation = default)
    {
        await using var source = keeper.OpenSource(new ImageRequest(image.Reference, Platform.Current));
        await keeper.EnsureLayersAsync(image, source, RemoteIndexPolicy.Pinned, progress, cancellation);
    }

    string[] Unfinished => Directory.GetFileSystemEntries(Path.Combine(_folder, "tmp"));

    string[] Layers => Directory.GetDirectories(_folder, "layers-v*").SelectMany(folder => Directory.GetDirectories(Path.Combine(folder, "sha256"))).ToArray();

    [Fact]
    public async Task Many_keepers_of_one_store_index_each_layer_once()
    {
        _layout.Image("v1", [.. Enumerable.Range(0, 5).Select(i => new TarWriter().File("a", Noise(i, 300_000)).ToArray())]);
        var opened = 0;
        await Task.WhenAll(Enumerable.Range(0, 6).Select(async _ =>
        {
            await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder), request => new CountingSource(request.Reference.Path, () => Interlocked.Increment(ref opened)));
            await EnsureLayersAsync(keeper, await ResolveAsync(keeper));
        }));
        Assert.Equal(5, Layers.Length);
        // Each keeper reads manifest and configuration; the layers are read once in all.
        Assert.Equal(6 * 2 + 5, opened);
        Assert.Empty(Unfinished);
    }

    sealed class CountingSource(string path, Action opened) : IImageSource
    {
        readonly LayoutImageSource _inner = new(path);

        public string Name => path;

        public ValueTask<IReadOnlyList<Descriptor>> FindAsync(ImageReference reference, CancellationToken cancellation) => _inner.FindAsync(reference, cancellation);

        public ValueTask<IReadOnlyList<Descriptor>> ListAsync(CancellationToken cancellation) => _inner.ListAsync(cancellation);

        public ValueTask<IRangeSource> OpenManifestAsync(Descriptor manifest, CancellationToken cancellation)
        {
            opened();
            return _inner.OpenManifestAsync(manifest, cancellation);
        }

        public ValueTask<IRangeSource> OpenBlobAsync(Descriptor blob, CancellationToken cancellation)
        {
            opened();
            return _inner.OpenBlobAsync(blob, cancellation);
        }

        public ValueTask DisposeAsync() => _inner.DisposeAsync();
    }

    [Fact]
    public async Task A_layer_that_comes_twice_is_indexed_once()
    {
        var tar = new TarWriter().File("a", "b").ToArray();
        _layout.Image("v1", tar, tar);
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        await EnsureLayersAsync(keeper, await ResolveAsync(keeper));
        Assert.Single(Layers);
    }

    [Fact]
    public async Task Progress_ends_with_every_layer_done()
    {
        _layout.Image("v1", [.. Enumerable.Range(0, 3).Select(i => new TarWriter().File("a", Noise(i, 3_000_000)).ToArray())]);
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        var image = await ResolveAsync(keeper);
        var progress = new Recorder();
        await EnsureLayersAsync(keeper, image, progress);
        foreach (var layer in image.Layers)
        {
            var reports = progress.Reports.Where(report => report.Layer == layer.Blob.Digest).Select(report => report.Done).ToList();
            Assert.True(reports.Count >= 3);
            Assert.Equal(reports.Order(), reports);
            Assert.Equal(layer.Blob.Size, reports[^1]);
            Assert.Equal(reports.Count - 1, reports.IndexOf(layer.Blob.Size));
        }
    }

    sealed class Recorder : IProgress<LayerProgress>
    {
        readonly Lock _lock = new();

        public List<LayerProgress> Reports { get; } = [];

        public void Report(LayerProgress value)
        {
            lock (_lock) Reports.Add(value);
        }
    }

    [Fact]
    public async Task A_bad_layer_is_refused_and_nothing_of_it_stays()
    {
        var tar = new TarWriter().File("a", Noise(1, 100_000)).ToArray();
        _layout.Image("v1", tar);
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        var image = await ResolveAsync(keeper);
        var path = _layout.BlobPath(image.Layers[0].Blob.Digest);
        var blob = await File.ReadAllBytesAsync(path);
        blob[blob.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(path, blob);
        await Assert.ThrowsAsync<ImageException>(async () => await EnsureLayersAsync(keeper, image));
        Assert.Empty(Unfinished);
        Assert.False(Path.Exists(keeper.Store.LayerFolder(image.Layers[0].Blob.Digest)));
        Assert.Null(keeper.Store.TryOpenLayer(image.Layers[0].Blob.Digest));

        blob[blob.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(path, blob);
        await EnsureLayersAsync(keeper, image);
        Assert.Single(Layers);
    }

    [Fact]
    public async Task A_layer_of_the_store_does_not_vouch_for_another_diff_id()
    {
        var tar = new TarWriter().File("a", "b").ToArray();
        _layout.Image("v1", tar);
        _layout.Tag("liar", _layout.Manifest([_layout.Add(LayoutWriter.GzipLayer, LayoutWriter.Gzip(tar))], [Digest.Sha256("other"u8).ToString()]));
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        await EnsureLayersAsync(keeper, await ResolveAsync(keeper));
        var liar = await ResolveAsync(keeper, "liar");
        var error = await Assert.ThrowsAsync<ImageException>(async () => await EnsureLayersAsync(keeper, liar));
        Assert.Contains("configuration", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_layer_that_is_listed_twice_is_checked_against_both_diff_ids()
    {
        var tar = new TarWriter().File("a", "b").ToArray();
        var layer = _layout.Add(LayoutWriter.GzipLayer, LayoutWriter.Gzip(tar));
        _layout.Tag("v1", _layout.Manifest([layer, layer], [Digest.Sha256(tar).ToString(), Digest.Sha256("other"u8).ToString()]));
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        var image = await ResolveAsync(keeper);

        var error = await Assert.ThrowsAsync<ImageException>(async () => await EnsureLayersAsync(keeper, image));

        Assert.Contains("configuration", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancelling_leaves_no_layer_half_made()
    {
        _layout.Image("v1", [.. Enumerable.Range(0, 3).Select(i => new TarWriter().File("a", Noise(i, 8_000_000)).ToArray())]);
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        var image = await ResolveAsync(keeper);
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await EnsureLayersAsync(keeper, image, new Canceller(stop), stop.Token));
        Assert.Empty(Unfinished);
        await EnsureLayersAsync(keeper, image);
        Assert.Equal(3, Layers.Length);
    }

    sealed class Canceller(CancellationTokenSource stop) : IProgress<LayerProgress>
    {
        public void Report(LayerProgress value) => stop.Cancel();
    }

    [SmallDisk.Fact]
    public async Task A_full_disk_is_told_and_nothing_half_made_stays()
    {
        _layout.Image("v1", new TarWriter().File("a", Noise(1, 3_000_000)).ToArray());
        using var disk = new SmallDisk("2m");
        await using var keeper = new LocalKeeper(StoreDirectory.Open(disk.Path));
        var image = await ResolveAsync(keeper);
        var error = await Assert.ThrowsAsync<ImageException>(async () => await EnsureLayersAsync(keeper, image));
        Assert.Contains("is full", error.Message, StringComparison.Ordinal);
        Assert.Contains("--store", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(disk.Path, "tmp")));
        Assert.Empty(Directory.GetDirectories(disk.Path, "layers-v*"));
    }

    [SmallDisk.Fact]
    public async Task A_disk_that_fills_while_the_index_is_written_is_told_too()
    {
        var tar = new TarWriter();
        for (var i = 0; i < 20_000; i++) tar.File($"a-rather-long-name-so-that-the-index-grows/{i}", "");
        _layout.Image("v1", tar.ToArray());
        using var disk = new SmallDisk("1m");
        await using var keeper = new LocalKeeper(StoreDirectory.Open(disk.Path));
        var image = await ResolveAsync(keeper);
        var error = await Assert.ThrowsAsync<ImageException>(async () => await EnsureLayersAsync(keeper, image));
        Assert.Contains("is full", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(disk.Path, "tmp")));
    }

    [Fact]
    public async Task Each_opening_of_data_is_a_description_of_its_own_and_cannot_write()
    {
        _layout.Image("v1", new TarWriter().File("a", "b").ToArray());
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        var image = await ResolveAsync(keeper);
        await EnsureLayersAsync(keeper, image);
        using var layer = keeper.Store.TryOpenLayer(image.Layers[0].Blob.Digest)!;
        using var first = layer.OpenFile(LayerFile.Data);
        using var second = layer.OpenFile(LayerFile.Data);
        // The second would be at the end if it shared the first one's position.
        Assert.Equal((1, (byte)'b'), ReadByte(first));
        Assert.Equal((1, (byte)'b'), ReadByte(second));
        Assert.Equal(-(int)Errno.EBADF, WriteByte(first));
    }

    static unsafe (nint Result, byte Value) ReadByte(FileDescriptor file)
    {
        byte value = 0;
        var result = FileIo.Read(file.Value, &value, 1);
        return (result, value);
    }

    static unsafe nint WriteByte(FileDescriptor file)
    {
        byte value = 0;
        return FileIo.WriteAt(file.Value, &value, 1, 0);
    }

    [Theory]
    [InlineData("")]
    [InlineData("blob sha256:00\n")]
    [InlineData(null)]
    public async Task A_layer_whose_digests_are_damaged_is_built_again(string? digests)
    {
        _layout.Image("v1", new TarWriter().File("a", "b").ToArray());
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        var image = await ResolveAsync(keeper);
        await EnsureLayersAsync(keeper, image);
        var layer = image.Layers[0].Blob.Digest;
        var path = Path.Combine(keeper.Store.LayerFolder(layer), LayerBuilder.DigestsName);
        var good = await File.ReadAllTextAsync(path);
        if (digests is null) File.Delete(path);
        else await File.WriteAllTextAsync(path, digests);
        await EnsureLayersAsync(keeper, image);
        Assert.Equal(good, await File.ReadAllTextAsync(path));
        Assert.Empty(Unfinished);
    }

    [Fact]
    public async Task A_streamed_layer_of_a_store_that_notes_no_sizes_is_used_as_it_is()
    {
        _layout.Image("v1", new TarWriter().File("a", "b").ToArray());
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        var image = await ResolveAsync(keeper);
        await EnsureLayersAsync(keeper, image);
        var layer = image.Layers[0].Blob.Digest;
        var path = Path.Combine(_folder, "layers-v3", "sha256", layer.Hex, LayerBuilder.DigestsName);
        var lines = await File.ReadAllLinesAsync(path);
        Assert.Equal($"size {image.Layers[0].Blob.Size}", lines[1]);
        await File.WriteAllLinesAsync(path, lines.Where(line => line != lines[1]));
        var before = await File.ReadAllTextAsync(path);
        using var stored = keeper.Store.TryOpenLayer(layer)!;
        Assert.Null(stored.Digests.Size);

        await EnsureLayersAsync(keeper, image);

        Assert.True(stored.IsInPlace);
        Assert.Equal(before, await File.ReadAllTextAsync(path));
    }

    [Fact]
    public async Task An_index_whose_bytes_changed_on_the_disk_is_refused()
    {
        _layout.Image("v1", new TarWriter().File("a", "b").ToArray());
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_folder));
        var image = await ResolveAsync(keeper);
        await EnsureLayersAsync(keeper, image);
        var layer = image.Layers[0].Blob.Digest;
        var path = keeper.Store.LayerPath(layer, LayerFile.Index);
        var index = await File.ReadAllBytesAsync(path);
        index[^100] ^= 1;
        await File.WriteAllBytesAsync(path, index);
        var error = Assert.Throws<ImageException>(() => keeper.Store.OpenLayerIndex(layer));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }
}
