using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tests.Check;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Tocs;

/// <summary>What ctr-remote and skopeo wrote.</summary>
public sealed class RealTocTests
{
    [RealTocTheory]
    [InlineData("demo-estargz")]
    [InlineData("demo-chunked")]
    public async Task A_layer_is_what_it_is_when_it_is_streamed(string image)
    {
        var layout = RealParts.Image(image);
        var reference = ImageReference.Parse($"oci:{layout}:latest");
        await using var source = new LayoutImageSource(layout);
        foreach (var layer in (await ImageResolver.ResolveAsync(source, reference, Platform.Current, default)).Layers)
        {
            await using var import = new TocImport(layout, layer);
            await import.AssertLikeStreamedAsync();
        }
    }

    [RealTocTheory]
    [InlineData("demo-estargz", 7)]
    [InlineData("demo-chunked", 100)]
    public async Task Its_content_is_what_it_is_when_it_is_streamed(string image, int step)
    {
        var layout = RealParts.Image(image);
        var reference = ImageReference.Parse($"oci:{layout}:latest");
        await using var source = new LayoutImageSource(layout);
        var layer = (await ImageResolver.ResolveAsync(source, reference, Platform.Current, default)).Layers[1];
        await using var import = new TocImport(layout, layer);
        var streamed = await File.ReadAllBytesAsync(Path.Combine(await import.StreamAsync(), LayerBuilder.DataName));
        Assert.Equal(streamed, await import.FetchAsync((await import.TryAsync())!, step));
    }
}
