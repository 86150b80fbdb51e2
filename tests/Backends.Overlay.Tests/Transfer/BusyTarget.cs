using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Tests.Transfer;

/// <summary>A layout whose host asks for patience (Retry-After), for its blobs of one media type and its manifests.</summary>
/// <param name="path">Of the layout.</param>
/// <param name="mediaType">Of the blobs.</param>
sealed class BusyTarget(string path, string mediaType) : IImageTarget
{
    readonly LayoutImageTarget _layout = new(new DirectoryFolder(path));

    /// <summary>What the next uploads of such blobs are asked to wait.</summary>
    public Queue<TimeSpan> OfBlobs { get; } = new();

    /// <summary>What the next uploads of manifests are asked to wait.</summary>
    public Queue<TimeSpan> OfManifests { get; } = new();

    /// <summary>That are there of a blob when patience is asked for.</summary>
    public Queue<long> Sent { get; } = new();

    public string Name => _layout.Name;

    public ValueTask<IReadOnlyList<Descriptor>> FindAsync(ImageReference reference, CancellationToken cancellation) => _layout.FindAsync(reference, cancellation);

    public ValueTask<IReadOnlyList<Descriptor>> ListAsync(CancellationToken cancellation) => _layout.ListAsync(cancellation);

    public ValueTask<IRangeSource> OpenManifestAsync(Descriptor manifest, CancellationToken cancellation) => _layout.OpenManifestAsync(manifest, cancellation);

    public ValueTask<IRangeSource> OpenBlobAsync(Descriptor blob, CancellationToken cancellation) => _layout.OpenBlobAsync(blob, cancellation);

    public ValueTask<bool> HasBlobAsync(Descriptor blob, CancellationToken cancellation) => _layout.HasBlobAsync(blob, cancellation);

    public ValueTask CheckAsync(string tag, CancellationToken cancellation) => _layout.CheckAsync(tag, cancellation);

    public ValueTask PushBlobAsync(Descriptor blob, IRangeSource from, Action<long>? progress, CancellationToken cancellation)
    {
        if (blob.MediaType != mediaType || !OfBlobs.TryDequeue(out var wait)) return _layout.PushBlobAsync(blob, from, progress, cancellation);
        if (Sent.TryDequeue(out var bytes)) progress?.Invoke(bytes);
        throw Busy(wait);
    }

    public ValueTask PushManifestAsync(Descriptor manifest, ReadOnlyMemory<byte> json, string? tag, CancellationToken cancellation) =>
        OfManifests.TryDequeue(out var wait) ? throw Busy(wait) : _layout.PushManifestAsync(manifest, json, tag, cancellation);

    public ValueTask RemoveAsync(ImageReference reference, CancellationToken cancellation) => _layout.RemoveAsync(reference, cancellation);

    public ValueTask DisposeAsync() => _layout.DisposeAsync();

    static SourceException Busy(TimeSpan wait) => new(SourceFailure.Busy, "the host answers 429", null, wait);
}
