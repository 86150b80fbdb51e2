using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Tocs;

/// <summary>eStargz' prefetch landmark, in an image that is opened and not read.</summary>
public sealed class PrefetchTests : IDisposable
{
    readonly LayoutWriter _layout = new();
    readonly string _store = Directory.CreateTempSubdirectory("vfs-prefetch").FullName;

    public void Dispose()
    {
        _layout.Dispose();
        Directory.Delete(_store, recursive: true);
    }

    [Fact]
    public async Task What_lies_before_the_landmark_is_fetched_when_the_image_is_opened()
    {
        var made = EStargzWriter.Create(
        [
            MadeEntry.File("first", "1"), MadeEntry.File("second", "2"), MadeEntry.File(".prefetch.landmark", "\x0f"), MadeEntry.File("rest", "3"), MadeEntry.File("last", "4"),
        ]);
        var annotations = string.Join(',', made.Annotations.Select(one => $"\"{one.Key}\":\"{one.Value}\""));
        var layer = $$"""{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{{_layout.Blob(made.Blob)}}","size":{{made.Blob.Length}},"annotations":{"""
            + annotations + "}}";
        _layout.Tag("v1", _layout.Manifest([layer], [Digest.Sha256(made.Tar).ToString()]));
        await using var keeper = new LocalKeeper(StoreDirectory.Open(_store));
        await using var image = await keeper.OpenImageAsync(new ImageRequest(ImageReference.Parse($"oci:{_layout.Path}:v1"), Platform.Current), null, default);
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        // Nobody reads.
        while ((await image.CountAsync(limit.Token)).PiecesPresent < 2) await Task.Delay(1, limit.Token);
        var counts = await image.CountAsync(default);
        // The table of contents is a file of the layer, too.
        Assert.Equal((2, 6, 0), (counts.PiecesPresent, counts.Pieces, counts.Misses));
    }
}
