using System.Text;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Backends.Overlay.Tests.Oci;
using VirtioFsStore.Backends.Overlay.Tests.Tar;
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

        var image = await keeper.ResolveAsync(ImageReference.Parse($"oci:{_layout.Path}:v1"), Platform.Current, default);
        await keeper.EnsureLayersAsync(image, null, default);

        using var index = store.OpenLayerIndex(Assert.Single(image.Layers).Blob.Digest);
        var found = new List<string>();
        foreach (var entry in index.ReadEntries()) found.Add($"{entry.Type} {Encoding.UTF8.GetString(entry.Path)} {entry.Size}");
        Assert.Equal(["Directory  0", "Directory a 0", "Regular a/hello 5", "Symlink a/link 0", "Whiteout gone 0"], found);
        Assert.Equal(4096, index.Info.DataSize);
        var data = File.ReadAllBytes(store.LayerPath(image.Layers[0].Blob.Digest, LayerFile.Data));
        Assert.Equal("hello"u8, data.AsSpan(0, 5));
        Assert.Equal(4096, data.Length);
        Assert.Equal(LayerState.FileSize(1), new FileInfo(store.LayerPath(image.Layers[0].Blob.Digest, LayerFile.State)).Length);
    }
}
