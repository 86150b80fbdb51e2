using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Daemon.Logging;

namespace VirtioFsStore.Daemon.Images;

/// <summary>Places of images for commands that a person looks at: what stops nothing is a line on stderr.</summary>
static class ImagePlace
{
    /// <summary>A host that nobody hears of is named wrongly, most often, and curl and skopeo say so at once; one that is just being started
    /// gets a little.</summary>
    static readonly TimeSpan s_firstContact = TimeSpan.FromSeconds(10);

    /// <inheritdoc cref="ImageSources.Open"/>
    public static IImageTarget Open(ImageReference reference, RemoteOptions options) => ImageSources.Open(reference, options, Endpoints());

    /// <summary>Of one command.</summary>
    public static RemoteEndpoints Endpoints() => new(options: new RemoteEndpointOptions
    {
        Warned = line => Console.Error.WriteLine($"virtiofs-store: {PlainText.Of(line)}"),
        FirstContact = s_firstContact,
    });
}
