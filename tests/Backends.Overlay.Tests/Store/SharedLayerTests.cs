using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Backends.Overlay.Tests.Images;
using VirtioFsStore.Backends.Overlay.Tests.Tocs;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Store;

/// <summary>Several images have one layer, and their manifests say different things of it.</summary>
public sealed class SharedLayerTests : IAsyncDisposable
{
    const int Rounds = 10;

    static readonly MadeEntry[] s_entries = [MadeEntry.File("a", "content of a"), new("noise", '0') { Data = AwkwardEntries.Noise(20_000) }];

    readonly LayoutWriter _layout = new();
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-shared").FullName;
    readonly LocalKeeper _keeper;

    public SharedLayerTests() => _keeper = new LocalKeeper(StoreDirectory.Open(_folder));

    public async ValueTask DisposeAsync()
    {
        await _keeper.DisposeAsync();
        _layout.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_wrong_diff_ID_beside_a_table_of_contents_is_not_held_against_the_next_image()
    {
        var made = EStargzWriter.Create(s_entries);
        var layer = Digest.Sha256(made.Blob);
        Tag("liar", made.Blob, made.Annotations, Digest.Sha256("another"u8));
        Tag("honest", made.Blob, made.Annotations, Digest.Sha256(made.Tar));

        await using var liar = await OpenAsync("liar");
        Assert.Equal(Digest.Sha256("another"u8), Stored(layer).DiffId);
        await using var honest = await OpenAsync("honest");

        Assert.Equal(Digest.Sha256(made.Tar), Stored(layer).DiffId);
        Assert.Equal(Digest.Parse(made.Annotations.Values.Single()), Stored(layer).RemoteIndex);
        await AssertReadsAsync(honest);
        await AssertReadsAsync(liar);
    }

    [Fact]
    public async Task A_wrong_size_beside_a_SOCI_index_is_not_held_against_the_next_image()
    {
        var (made, ztoc) = ZtocWriter.Create(s_entries);
        var layer = Digest.Sha256(made.Blob);
        // The index, too, says that the layer is larger by a byte.
        var size = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(size, made.Blob.Length);
        ztoc[ztoc.AsSpan().IndexOf(size)]++;
        var index = ZtocWriter.AddIndex(_layout, layer, ztoc);
        _layout.Tag(null, index);
        var pin = new Dictionary<string, string> { ["com.amazon.soci.index-digest"] = ZtocWriter.DigestOf(index).ToString() };
        Tag("liar", made.Blob, made.Annotations, Digest.Sha256(made.Tar), size: made.Blob.Length + 1, ofManifest: pin);
        Tag("honest", made.Blob, made.Annotations, Digest.Sha256(made.Tar), ofManifest: pin);

        await (await OpenAsync("liar")).DisposeAsync();
        Assert.Equal((made.Blob.Length + 1, ZtocWriter.DigestOf(index)), (Stored(layer).Size, Stored(layer).RemoteIndex));
        await using var honest = await OpenAsync("honest");

        Assert.Equal((made.Blob.Length, null), (Stored(layer).Size, Stored(layer).RemoteIndex));
        await AssertReadsAsync(honest);
    }

    [Fact]
    public async Task A_layer_of_another_index_whose_size_was_not_noted_is_imported_again_and_its_content_stays()
    {
        var (table, _) = await TagTwoIndexesAsync();
        await using var first = await OpenAsync("toc");
        var digests = Stored(table.Layer);
        var path = Path.Combine(_keeper.Store.LayerFolder(table.Layer), LayerBuilder.DigestsName);
        await File.WriteAllLinesAsync(path, (await File.ReadAllLinesAsync(path)).Where(line => line != $"size {digests.Size}"));
        using var stored = _keeper.Store.TryOpenLayer(table.Layer)!;
        Assert.Equal(digests with { Size = null }, stored.Digests);

        await using var second = await OpenAsync("toc");

        Assert.Equal(digests, Stored(table.Layer));
        Assert.True(stored.IsInPlace);
        await AssertReadsAsync(second);
        await AssertReadsAsync(first);
    }

    [Fact]
    public async Task A_streamed_layer_is_not_what_a_manifest_with_another_size_means()
    {
        var made = EStargzWriter.Create(s_entries);
        Tag("honest", made.Blob, new Dictionary<string, string>(), Digest.Sha256(made.Tar));
        Tag("liar", made.Blob, new Dictionary<string, string>(), Digest.Sha256(made.Tar), size: made.Blob.Length + 1);
        await using var honest = await OpenAsync("honest");

        var error = await Assert.ThrowsAsync<ImageException>(() => OpenAsync("liar"));

        Assert.Contains($"has {made.Blob.Length} bytes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_layer_that_is_listed_with_two_diff_IDs_is_refused_for_that()
    {
        var made = EStargzWriter.Create(s_entries);
        var descriptor = Describe(made.Blob, made.Annotations, made.Blob.Length);
        _layout.Tag("twice", _layout.Manifest([descriptor, descriptor], [Digest.Sha256(made.Tar).ToString(), Digest.Sha256("another"u8).ToString()]));

        var error = await Assert.ThrowsAsync<ImageException>(() => OpenAsync("twice"));

        Assert.Contains("the image's configuration says", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_second_of_two_indexes_is_used_while_an_image_of_the_first_is_served()
    {
        var (table, blob) = await TagTwoIndexesAsync();
        await using var first = await OpenAsync("toc");
        Assert.Equal(table.Index, Stored(table.Layer).RemoteIndex);

        await using var second = await OpenAsync("blob");

        Assert.Equal(blob, Stored(table.Layer).RemoteIndex);
        await AssertReadsAsync(second);
        await AssertReadsAsync(first);
        await using var again = await OpenAsync("toc");
        Assert.Equal(table.Index, Stored(table.Layer).RemoteIndex);
        await AssertReadsAsync(again);
    }

    [Fact]
    public async Task Images_that_want_another_index_of_one_layer_each_are_opened_at_once()
    {
        await TagTwoIndexesAsync();
        for (var round = 0; round < Rounds; round++)
        {
            var folder = Path.Combine(_folder, $"{round}");
            await using var keeper = new LocalKeeper(StoreDirectory.Open(folder));
            var opened = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(() => OpenAsync(i % 2 == 0 ? "toc" : "blob", keeper))));
            foreach (var image in opened)
            {
                await AssertReadsAsync(image);
                await image.DisposeAsync();
            }

            Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(folder, "tmp")));
        }
    }

    [Fact]
    public async Task An_image_whose_layer_was_replaced_before_it_was_opened_gets_it_back()
    {
        var (table, _) = await TagTwoIndexesAsync();
        var replacing = new Replacing(() => OpenAsync("blob"));

        await using var image = await OpenAsync("toc", progress: replacing);

        Assert.Equal(table.Index, Stored(table.Layer).RemoteIndex);
        await AssertReadsAsync(image);
        await AssertReadsAsync(replacing.Other!);
        await replacing.Other!.DisposeAsync();
    }

    /// <summary>Opens another image at the moment at which this one's layer is there.</summary>
    sealed class Replacing(Func<Task<ImageFileSystem>> open) : IProgress<LayerProgress>
    {
        public ImageFileSystem? Other { get; private set; }

        public void Report(LayerProgress value)
        {
            if (value.Done == value.Total && Other is null) Other = Task.Run(open).GetAwaiter().GetResult();
        }
    }

    [Fact]
    public async Task Who_waits_to_replace_a_layer_says_for_whom()
    {
        await TagTwoIndexesAsync();
        var logger = new CollectingLogger();
        await using var keeper = new LocalKeeper(_keeper.Store, logger: logger);
        await using var first = await OpenAsync("toc", keeper);
        Task<ImageFileSystem>? third = null;
        var said = false;
        // The second has replaced the layer when it says that it is there, and is not open yet.
        var progress = new Callback(() =>
        {
            third ??= Task.Run(() => OpenAsync("toc", keeper));
            said = logger.WaitFor($"{_layout.Path}:toc waits", TimeSpan.FromMinutes(1));
        });

        await using var second = await OpenAsync("blob", keeper, progress);
        await using var opened = await third!;

        Assert.True(said, logger.Text);
        Assert.Contains($"locks/replacing until it is open; of this process, the last to hold it was oci:{_layout.Path}:blob", logger.Text, StringComparison.Ordinal);
        await AssertReadsAsync(opened);
    }

    sealed class Callback(Action reported) : IProgress<LayerProgress>
    {
        public void Report(LayerProgress value)
        {
            if (value.Done == value.Total) reported();
        }
    }

    [Fact]
    public async Task What_was_opened_is_of_one_index_whatever_takes_the_layers_place()
    {
        var (table, _) = await TagTwoIndexesAsync();
        await using var first = await OpenAsync("toc");
        using var stored = _keeper.Store.TryOpenLayer(table.Layer)!;
        var digests = stored.Digests;
        var state = stored.SizeOf(LayerFile.State);
        using (var file = stored.OpenFile(LayerFile.Data)) Assert.True(IsOf(file));
        Assert.True(stored.IsInPlace);

        await using var second = await OpenAsync("blob");

        Assert.False(stored.IsInPlace);
        Assert.Equal(new LayerIdentity(table.Layer, table.Index), stored.Identity);
        // The old folder is gone: there is nothing more to be had of it, and nothing of the new one comes in its stead.
        Assert.Throws<ImageException>(() => stored.OpenFile(LayerFile.State));
        Assert.Throws<ImageException>(() => stored.OpenIndex());
        Assert.NotEqual(digests, Stored(table.Layer));
        Assert.True(state > 0);

        bool IsOf(FileDescriptor file) => FileShape.OfDescriptor(file.Value, out var shape) == 0
            && FileShape.OfPath(_keeper.Store.LayerPath(table.Layer, LayerFile.Data), out var there) == 0 && shape.Inode == there.Inode;
    }

    /// <summary>Two images of one layer: one pins its table of contents, the other an index blob.</summary>
    async Task<((Digest Layer, Digest Index) Table, Digest Blob)> TagTwoIndexesAsync()
    {
        var made = EStargzWriter.Create(s_entries);
        var layer = Digest.Sha256(made.Blob);
        Tag("toc", made.Blob, made.Annotations, Digest.Sha256(made.Tar));
        var local = Directory.CreateDirectory(Path.Combine(_folder, "local")).FullName;
        var image = new ImageLayer(new Descriptor(LayoutWriter.GzipLayer, layer, made.Blob.Length, null, made.Annotations), ObjectStore.Decompression.Compression.Gzip, Digest.Sha256(made.Tar));
        await using (var source = FileRangeSource.Open(_layout.BlobPath(layer), default))
            await LayerBuilder.BuildAsync(local, image, source, null, default);
        var path = Path.Combine(_folder, "index-blob");
        using (var index = LayerIndex.Open(Path.Combine(local, LayerBuilder.IndexName))) IndexBlobWriter.Write(index, path);
        var bytes = await File.ReadAllBytesAsync(path);
        var blob = _layout.Blob(bytes);
        Tag("blob", made.Blob, new Dictionary<string, string>
        {
            [IndexBlobFormat.DigestAnnotation] = blob.ToString(),
            [IndexBlobFormat.SizeAnnotation] = bytes.Length.ToString(CultureInfo.InvariantCulture),
        }, Digest.Sha256(made.Tar));
        return ((layer, Digest.Parse(made.Annotations.Values.Single())), blob);
    }

    LayerDigests Stored(Digest layer) => _keeper.Store.ReadLayerDigests(layer)!;

    void Tag(
        string tag, byte[] blob, IReadOnlyDictionary<string, string> annotations, Digest diffId, long? size = null, IReadOnlyDictionary<string, string>? ofManifest = null)
    {
        var config = _layout.Add(LayoutWriter.ConfigType, $$$"""{"architecture":"{{{LayoutWriter.Architecture}}}","os":"linux","rootfs":{"type":"layers","diff_ids":["{{{diffId}}}"]}}""");
        var layer = Describe(blob, annotations, size ?? blob.Length);
        _layout.Tag(tag, _layout.Add(
            LayoutWriter.ManifestType,
            $$"""{"schemaVersion":2,"mediaType":"{{LayoutWriter.ManifestType}}","config":{{config}},"layers":[{{layer}}],"annotations":{{Json(ofManifest ?? new Dictionary<string, string>())}}}"""));
    }

    string Describe(byte[] blob, IReadOnlyDictionary<string, string> annotations, long size) => string.Create(
        CultureInfo.InvariantCulture, $$"""{"mediaType":"{{LayoutWriter.GzipLayer}}","digest":"{{_layout.Blob(blob)}}","size":{{size}},"annotations":{{Json(annotations)}}}""");

    static string Json(IReadOnlyDictionary<string, string> annotations) => System.Text.Json.JsonSerializer.Serialize(annotations);

    async Task<ImageFileSystem> OpenAsync(string tag, LocalKeeper? keeper = null, IProgress<LayerProgress>? progress = null)
    {
        var kept = await (keeper ?? _keeper).OpenImageAsync(new ImageRequest(ImageReference.Parse($"oci:{_layout.Path}:{tag}"), Platform.Current), progress, default);
        return kept.Files.ToFileSystem(kept);
    }

    static async Task AssertReadsAsync(ImageFileSystem system)
    {
        using var request = new TestRequest();
        foreach (var entry in s_entries)
        {
            var found = await system.LookupAsync(request.Named(Encoding.ASCII.GetBytes(entry.Path)), NodeId.Root);
            var read = await system.ReadAsync(request, found.Value.Node, default, 0, request.Into(entry.Data.Length));
            Assert.Equal(Errno.None, read.Error);
            Assert.Equal(entry.Data, request.Buffer[..read.Value]);
        }
    }
}
