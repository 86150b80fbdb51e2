using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>From a reference to the place that it names.</summary>
public static class ImageSources
{
    /// <summary>Asks nothing of the place yet.</summary>
    /// <param name="reference">Of the kind and the path.</param>
    /// <param name="options">How remote places are reached.</param>
    /// <exception cref="ImageException">The place cannot be, as it is named.</exception>
    public static IImageSource Open(ImageReference reference, RemoteOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return reference.Scheme switch
        {
            ImageScheme.Layout => new LayoutImageSource(reference.Path),
            _ => throw new ImageException($"{reference}: images of this kind cannot be reached yet"),
        };
    }
}
