using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;
using VirtioFsStore.Backends.Overlay.Store;

namespace VirtioFsStore.Daemon.Keeping;

/// <summary>An <see cref="ImageRequest"/> on its way.</summary>
/// <param name="Reference">The image, as a person names it; paths in it are absolute.</param>
/// <param name="Platform">OS/ARCH[/VARIANT].</param>
/// <param name="Remote">See <see cref="ImageRequest.Remote"/>.</param>
/// <param name="Pull">See <see cref="ImageRequest.Pull"/>.</param>
/// <param name="RemoteIndex">See <see cref="ImageRequest.RemoteIndex"/>.</param>
sealed record ImageMessage(string Reference, string Platform, RemoteOptions Remote, PullPolicy Pull, RemoteIndexPolicy RemoteIndex)
{
    public static ImageMessage Of(ImageRequest request)
    {
        var reference = request.Reference;
        if (reference.Scheme == ImageScheme.Layout)
            reference = reference with { Path = Path.GetFullPath(reference.Path) };
        return new ImageMessage(reference.ToString(), request.Platform.ToString(), request.Remote, request.Pull, request.RemoteIndex);
    }

    /// <exception cref="ImageException">It makes no sense.</exception>
    public ImageRequest ToRequest() =>
        new(ImageReference.Parse(Reference), Backends.Overlay.Oci.Platform.Parse(Platform)) { Remote = Remote, Pull = Pull, RemoteIndex = RemoteIndex };
}
