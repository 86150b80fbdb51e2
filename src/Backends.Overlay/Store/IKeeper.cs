using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>Owns a store: the only one that reads sources and writes to the store. It may be another process, so what goes
/// in is small and plain (a reference, a digest, a number) and what comes out is a descriptor or a word of success; whoever
/// serves a guest opens nothing of the store itself.</summary>
public interface IKeeper : IAsyncDisposable
{
    /// <summary>Reads and verifies manifest and configuration.</summary>
    /// <exception cref="ImageException">The image cannot be found, or is not sound.</exception>
    ValueTask<ResolvedImage> ResolveAsync(ImageReference reference, Platform platform, CancellationToken cancellation);

    /// <summary>Sees to it that every layer of the image is indexed and its content present, the layers in parallel.
    /// A layer that is there costs nothing; one that another process is building is waited for.</summary>
    /// <param name="image">From <see cref="ResolveAsync"/>.</param>
    /// <param name="progress">Called from several threads at once.</param>
    /// <param name="cancellation">Leaves no layer half-made.</param>
    /// <exception cref="ImageException">A layer is not sound, or the store cannot take it.</exception>
    ValueTask EnsureLayersAsync(ResolvedImage image, IProgress<LayerProgress>? progress, CancellationToken cancellation);

    /// <summary>Opens a file of a layer that is indexed, read-only: a new open description at each call, so that its locks
    /// belong to one server alone.</summary>
    /// <exception cref="ImageException">The layer is not in the store.</exception>
    ValueTask<FileDescriptor> OpenAsync(Digest layer, LayerFile file, CancellationToken cancellation);

    /// <summary>Opens the merged tree of an image whose layers are all there, read-only and verified, building it first where
    /// that was not done before.</summary>
    /// <exception cref="ImageException">The layers do not add up to an image, or the store cannot take the tree.</exception>
    ValueTask<FileDescriptor> OpenTreeAsync(ResolvedImage image, CancellationToken cancellation);
}
