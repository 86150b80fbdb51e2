using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>Counts what an image costs at its source, of whatever kind that is: ranges asked for, and bytes that came.</summary>
sealed class CountedImageSource(IImageSource source, SourceCounters counters) : IImageSource
{
    public string Name => source.Name;

    public ValueTask<IReadOnlyList<Descriptor>> FindAsync(ImageReference reference, CancellationToken cancellation)
    {
        counters.Requested();
        return source.FindAsync(reference, cancellation);
    }

    public ValueTask<IReadOnlyList<Descriptor>> ListAsync(CancellationToken cancellation)
    {
        counters.Requested();
        return source.ListAsync(cancellation);
    }

    public async ValueTask<IRangeSource> OpenManifestAsync(Descriptor manifest, CancellationToken cancellation) =>
        new CountedRangeSource(await source.OpenManifestAsync(manifest, cancellation).ConfigureAwait(false), counters);

    public async ValueTask<IRangeSource> OpenBlobAsync(Descriptor blob, CancellationToken cancellation) =>
        new CountedRangeSource(await source.OpenBlobAsync(blob, cancellation).ConfigureAwait(false), counters);

    public ValueTask DisposeAsync() => source.DisposeAsync();
}
