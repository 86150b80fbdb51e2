using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>An image that is to be opened. Plain values and descriptors: they may go to another process.</summary>
/// <param name="Reference">The image.</param>
/// <param name="Platform">Which of an index's images.</param>
public sealed record ImageRequest(ImageReference Reference, Platform Platform)
{
    /// <summary>How its source is reached, if that is remote.</summary>
    public RemoteOptions Remote { get; init; } = new();

    public PullPolicy Pull { get; init; }

    public RemoteIndexPolicy RemoteIndex { get; init; } = RemoteIndexPolicy.Pinned;

    /// <summary>Where a server has the image from a keeper that is no more: the <see cref="UseMap"/> of each layer, in their order, which it goes on to
    /// note its use in. Not owned. Empty for none.</summary>
    public IReadOnlyList<FileDescriptor> UseMaps { get; init; } = [];
}
