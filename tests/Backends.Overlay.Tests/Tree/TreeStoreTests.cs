using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Backends.Overlay.Tests.Tar;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Tree;

public sealed class TreeStoreTests : IDisposable
{
    readonly LayoutWriter _layout = new();
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-trees").FullName;
    readonly StoreDirectory _store;

    public TreeStoreTests()
    {
        _layout.Image("v1", new TarWriter().File("d/a", "one").File("b", "two").ToArray(), new TarWriter().File(".wh.b", "").File("c", "three").ToArray());
        _store = StoreDirectory.Open(_folder);
    }

    public void Dispose()
    {
        _layout.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    async Task<OpenedImage> OpenAsync(Indexing? indexing = null)
    {
        await using var keeper = new LocalKeeper(_store);
        return await new ImageProvider(keeper).OpenAsync(new ImageRequest(ImageReference.Parse($"oci:{_layout.Path}:v1"), Platform.Current), indexing, default);
    }

    string[] Trees() => Directory.GetFiles(Directory.GetDirectories(_folder, "trees-v*").Single());

    [Fact]
    public async Task An_image_that_is_opened_many_times_at_once_has_one_tree_and_each_layer_once()
    {
        var indexing = new Indexing();
        var opened = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => OpenAsync(indexing))));
        foreach (var image in opened)
        {
            Assert.Equal(4u, image.FileSystem.InodeCount);
            await image.FileSystem.DisposeAsync();
        }

        Assert.Single(Trees());
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_folder, "tmp")));
        Assert.Equal(2, indexing.Layers);
    }

    [Fact]
    public async Task A_tree_that_was_built_is_used_again()
    {
        await (await OpenAsync()).FileSystem.DisposeAsync();
        FileShapeOf(Trees()[0], out var first);
        var indexing = new Indexing();
        var again = await OpenAsync(indexing);
        FileShapeOf(Trees()[0], out var second);
        Assert.Equal(first.Inode, second.Inode);
        Assert.Equal(0, indexing.Layers);
        await again.FileSystem.DisposeAsync();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(300)]
    [InlineData(700)]
    public async Task A_damaged_tree_is_replaced_while_others_use_it(int offset)
    {
        var user = await OpenAsync();
        var path = Assert.Single(Trees());
        using (var file = File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            file.Position = offset;
            file.WriteByte(0x5a);
        }

        var again = await OpenAsync();
        Assert.Equal(4u, again.FileSystem.InodeCount);
        using var request = new Images.TestRequest();
        Assert.False((await user.FileSystem.GetAttributesAsync(request, NodeId.Root, null)).IsError);
        await again.FileSystem.DisposeAsync();
        await user.FileSystem.DisposeAsync();
    }

    [Fact]
    public async Task A_tree_of_layers_that_were_indexed_otherwise_is_replaced()
    {
        await (await OpenAsync()).FileSystem.DisposeAsync();
        var image = await OpenAsync();
        var layer = image.Image.Layers[0].Blob.Digest;
        await image.FileSystem.DisposeAsync();
        // As after another cut into pieces: index and state have one more than the tree knows of.
        var state = _store.LayerPath(layer, LayerFile.State);
        File.Delete(state);
        StateFile.Create(state, 3, PieceState.Present);
        var error = await Assert.ThrowsAsync<ImageException>(() => OpenAsync());
        Assert.Contains(layer.ToString(), error.Message, StringComparison.Ordinal);
        // The layer's folder is gone, as the message advises: all is built again.
        Directory.Delete(_store.LayerFolder(layer), recursive: true);
        var again = await OpenAsync();
        Assert.Equal(4u, again.FileSystem.InodeCount);
        await again.FileSystem.DisposeAsync();
    }

    [Fact]
    public async Task A_damaged_layer_index_is_made_anew()
    {
        var image = await OpenAsync();
        var layer = image.Image.Layers[0].Blob.Digest;
        await image.FileSystem.DisposeAsync();
        var index = _store.LayerPath(layer, LayerFile.Index);
        var sound = File.ReadAllBytes(index);
        for (var seed = 0; seed < 30; seed++)
        {
            var random = new Random(seed);
            var bytes = sound.ToArray();
            for (var i = random.Next(1, 400); i > 0; i--)
                bytes[random.Next(bytes.Length)] ^= (byte)random.Next(1, 256);
            File.WriteAllBytes(index, bytes);
            // The tree is built of it; where there is one, it is only looked at.
            if (seed % 2 == 0)
                foreach (var tree in Trees())
                    File.Delete(tree);

            image = await OpenAsync();

            Assert.Equal(4u, image.FileSystem.InodeCount);
            await image.FileSystem.DisposeAsync();
            Assert.Equal(sound, File.ReadAllBytes(index));
        }
    }

    static void FileShapeOf(string path, out FileShape shape) => SystemCallException.ThrowIfError(FileShape.OfPath(path, out shape), "statx", path);

    /// <summary>Counts the layers that had to be read: those whose progress began before its end.</summary>
    sealed class Indexing : IProgress<LayerProgress>
    {
        int _layers;

        public int Layers => _layers;

        // Every layer here is so small that it is read in one go.
        public void Report(LayerProgress value) => _ = value.Done < value.Total ? Interlocked.Increment(ref _layers) : 0;
    }
}
