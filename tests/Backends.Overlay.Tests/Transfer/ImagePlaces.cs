using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Transfer;

namespace VirtioFsStore.Backends.Overlay.Tests.Transfer;

/// <summary>What tests do with places that images lie in, as a person names them.</summary>
static class ImagePlaces
{
    public static async Task<PushResult> PushAsync(
        string from, string to, RemoteOptions? options = null, Platform? platform = null, IProgress<BlobProgress>? progress = null)
    {
        await using var source = ImageSources.Open(ImageReference.Parse(from), options ?? new RemoteOptions());
        await using var target = ImageSources.Open(ImageReference.Parse(to), options ?? new RemoteOptions());
        return await new ImagePush(source, target, progress).RunAsync(ImageReference.Parse(from), platform, ImageReference.Parse(to), default);
    }

    public static async Task<IReadOnlyList<Descriptor>> ListAsync(string place, RemoteOptions? options = null)
    {
        await using var source = ImageSources.Open(ImageReference.Parse(place), options ?? new RemoteOptions());
        return await source.ListAsync(default);
    }

    public static async Task RemoveAsync(string image, RemoteOptions? options = null)
    {
        await using var place = ImageSources.Open(ImageReference.Parse(image), options ?? new RemoteOptions());
        await place.RemoveAsync(ImageReference.Parse(image), default);
    }
}
