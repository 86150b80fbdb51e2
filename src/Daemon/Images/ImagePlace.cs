using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Daemon.Logging;

namespace VirtioFsStore.Daemon.Images;

/// <summary>Places of images for commands that a person looks at: what stops nothing is a line on stderr.</summary>
static class ImagePlace
{
    /// <inheritdoc cref="ImageSources.Open"/>
    public static IImageTarget Open(ImageReference reference, RemoteOptions options) => ImageSources.Open(reference, options, Endpoints());

    /// <summary>Of one command.</summary>
    public static RemoteEndpoints Endpoints() => new(warned: line => Console.Error.WriteLine($"virtiofs-store: {PlainText.Of(line)}"));
}
