using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.Backends.ObjectStore.Sources.S3;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>From a reference to the place that it names.</summary>
public static class ImageSources
{
    /// <summary>Asks nothing of the place yet.</summary>
    /// <param name="reference">Of the kind and the path.</param>
    /// <param name="options">How remote places are reached.</param>
    /// <param name="endpoints">The hosts of this process's sources; null for some of this source's own.</param>
    /// <exception cref="ImageException">The place cannot be, as it is named.</exception>
    /// <exception cref="SourceException">The options make no sense.</exception>
    public static IImageTarget Open(ImageReference reference, RemoteOptions options, RemoteEndpoints? endpoints = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        return reference.Scheme switch
        {
            ImageScheme.Layout => new LayoutImageTarget(new DirectoryFolder(reference.Path)),
            ImageScheme.Bucket => new LayoutImageTarget(new S3Folder(reference.Path, options, endpoints ?? new RemoteEndpoints())),
            ImageScheme.Registry => new RegistryImageSource(reference.Path, options, endpoints ?? new RemoteEndpoints()),
            _ => throw new ArgumentOutOfRangeException(nameof(reference)),
        };
    }
}
