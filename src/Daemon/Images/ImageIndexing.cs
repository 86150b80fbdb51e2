using System.Globalization;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Daemon.Logging;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Images;

/// <summary><c>image index</c>: the layers of an image indexed here, and their indexes put beside it.</summary>
/// <param name="store">Gets the indexes, and the layers' content.</param>
/// <param name="output">Gets a line for each layer.</param>
sealed class ImageIndexing(StoreDirectory store, TextWriter output)
{
    /// <param name="request">The image.</param>
    /// <param name="push">Whether to put the indexes beside the image.</param>
    /// <param name="tag">Of the derived manifest; null for the image's own and <see cref="ImageIndexer.TagSuffix"/>.</param>
    /// <param name="logger">Is told how far it is.</param>
    /// <param name="cancellation">Ends the work.</param>
    public async Task RunAsync(ImageRequest request, bool push, string? tag, ILogger logger, CancellationToken cancellation)
    {
        var reference = request.Reference;
        if (push && tag is null && reference.Digest is not null)
            throw new ImageException($"{reference} has no tag from which the indexed image could have one; name one with --tag");
        var place = ImageSources.Open(reference, request.Remote, new RemoteEndpoints(uploadUnnoted: why => Log.UploadUnnoted(logger, PlainText.Of(why))));
        await using var placeEnds = place.ConfigureAwait(false);
        var keeper = new LocalKeeper(store);
        await using var keeperEnds = keeper.ConfigureAwait(false);
        var source = keeper.OpenSource(request);
        await using var sourceEnds = source.ConfigureAwait(false);
        var image = await LocalKeeper.ResolveAsync(source, request, cancellation).ConfigureAwait(false);
        // Who publishes an index vouches for it: the layers are streamed here, and their digests compared.
        await keeper.EnsureLayersAsync(image, source, RemoteIndexPolicy.Never, new LayerProgressLog(logger), cancellation).ConfigureAwait(false);
        if (push)
            await PushAsync(image, place, tag ?? (reference.Tag ?? "latest") + ImageIndexer.TagSuffix, cancellation).ConfigureAwait(false);
        else
            await DescribeAsync(image).ConfigureAwait(false);
    }

    async Task PushAsync(ResolvedImage image, IImageTarget target, string tag, CancellationToken cancellation)
    {
        var indexed = await new ImageIndexer(store).PushAsync(image, target, tag, index => WriteIndex(index, image), cancellation).ConfigureAwait(false);
        await output.WriteLineAsync($"{image.Reference with { Tag = indexed.Tag, Digest = null }} {indexed.Manifest.Digest}").ConfigureAwait(false);
    }

    async Task DescribeAsync(ResolvedImage image)
    {
        foreach (var layer in image.Layers)
        {
            using var index = store.OpenLayerIndex(layer.Blob.Digest);
            await output.WriteLineAsync($"{layer.Blob.Digest} {index.Info.EntryCount} entries, {index.PieceCount} pieces, {index.SpanCount} seek points").ConfigureAwait(false);
        }
    }

    void WriteIndex(LayerIndexBlob index, ResolvedImage image)
    {
        var size = image.Layers.First(layer => layer.Blob.Digest == index.Layer.BlobDigest).Blob.Size;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{index.Layer.BlobDigest} {index.Layer.EntryCount} entries, {index.Layer.PieceCount} pieces, {index.Layer.SpanCount} seek points; index of {index.Blob.Size} bytes, {100.0 * index.Blob.Size / Math.Max(size, 1):f1} %"));
    }
}
