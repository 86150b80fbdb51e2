using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>Owns a store: the only one that reads sources and writes to the store. It may be another process, so what goes
/// in is small and plain and what comes out is descriptors; whoever serves a guest opens nothing of the store itself.</summary>
public interface IKeeper : IAsyncDisposable
{
    /// <summary>Finds and verifies an image, sees to it that its layers are indexed and its tree is built, and opens them, read-only:
    /// new open descriptions at each call, so that their locks belong to one server alone.</summary>
    /// <param name="request">The image.</param>
    /// <param name="progress">Called from several threads at once.</param>
    /// <param name="cancellation">Ends the work; nothing half-made is left in use.</param>
    /// <exception cref="ImageException">The image cannot be found or is not sound, or the store cannot take it.</exception>
    ValueTask<IKeptImage> OpenImageAsync(ImageRequest request, IProgress<LayerProgress>? progress, CancellationToken cancellation);

    /// <summary>Does something with the cache of the whole store, while images are served.</summary>
    /// <param name="work">What.</param>
    /// <param name="report">Gets what the cache then has of each layer, one after the other.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>What a collection did; nothing for other work.</returns>
    /// <exception cref="ImageException">The store cannot be read or written.</exception>
    ValueTask<CollectResult> WorkAsync(CacheWork work, Action<LayerReport> report, CancellationToken cancellation);
}
