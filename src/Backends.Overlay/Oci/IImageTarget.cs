using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>A place that takes images, too.</summary>
public interface IImageTarget : IImageSource
{
    /// <summary>Whether the blob is there already, with the size that the descriptor says.</summary>
    /// <exception cref="SourceException">That cannot be found out.</exception>
    ValueTask<bool> HasBlobAsync(Descriptor blob, CancellationToken cancellation);

    /// <summary>Finds out that an image could not be called so, or could not be listed, before anything of it is sent.</summary>
    /// <param name="tag">What it is to be called.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="ImageException">It is no tag, or what the target has is not sound.</exception>
    /// <exception cref="SourceException">The target cannot be read.</exception>
    ValueTask CheckAsync(string tag, CancellationToken cancellation);

    /// <summary>Uploads a blob. Its bytes are verified on the way: one with another digest does not get there. An upload that broke off earlier
    /// goes on where it stopped, where the target can.</summary>
    /// <param name="blob">What it is.</param>
    /// <param name="from">Its bytes.</param>
    /// <param name="progress">Bytes that are there so far, before anything is sent, and then as it goes on; called from any thread.</param>
    /// <param name="cancellation">Ends the upload; what is there of it may be left for a later one.</param>
    /// <exception cref="SourceException">It cannot be read or written, or has another digest.</exception>
    ValueTask PushBlobAsync(Descriptor blob, IRangeSource from, Action<long>? progress, CancellationToken cancellation);

    /// <summary>Stores a manifest or an index whose blobs are there.</summary>
    /// <param name="manifest">Media type, digest and size of <paramref name="json"/>, and what is to be said of it beside its tag (platform).</param>
    /// <param name="json">The document, byte by byte.</param>
    /// <param name="tag">What it is to be called from now on; null leaves it without a name.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="SourceException">It cannot be written.</exception>
    ValueTask PushManifestAsync(Descriptor manifest, ReadOnlyMemory<byte> json, string? tag, CancellationToken cancellation);

    /// <summary>Removes a tag, or with a digest a manifest and all its tags, and what of its blobs nothing else refers to where the target does not
    /// collect that itself.</summary>
    /// <exception cref="ImageException">There is no such image.</exception>
    /// <exception cref="SourceException">The target refuses.</exception>
    ValueTask RemoveAsync(ImageReference reference, CancellationToken cancellation);
}
