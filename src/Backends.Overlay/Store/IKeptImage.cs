using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Images;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>An image that a keeper has opened, and fetches what is absent of as long as this is not disposed of.</summary>
public interface IKeptImage : IPieceSource, IAsyncDisposable
{
    /// <summary>Of the manifest that was found: under it the same image is opened again.</summary>
    Digest Manifest { get; }

    /// <summary>What it has cost.</summary>
    /// <exception cref="IOException">Whoever knows has ended.</exception>
    ValueTask<ImageCounts> CountAsync(CancellationToken cancellation);

    /// <summary>What serving it needs. Whoever takes the descriptors over owns them.</summary>
    ImageFiles Files { get; }
}
