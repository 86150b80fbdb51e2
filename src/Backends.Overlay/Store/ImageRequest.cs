using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>An image that is to be opened. Plain values: they may go to another process.</summary>
/// <param name="Reference">The image.</param>
/// <param name="Platform">Which of an index's images.</param>
public sealed record ImageRequest(ImageReference Reference, Platform Platform)
{
    /// <summary>How its source is reached, if that is remote.</summary>
    public RemoteOptions Remote { get; init; } = new();

    public PullPolicy Pull { get; init; }

    public RemoteIndexPolicy RemoteIndex { get; init; } = RemoteIndexPolicy.Pinned;
}
