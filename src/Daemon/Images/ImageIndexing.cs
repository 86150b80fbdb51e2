using System.Globalization;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
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
    /// <param name="tag">Of the derived manifest; null for one made of the image's own.</param>
    /// <param name="logger">Is told how far it is.</param>
    /// <param name="cancellation">Ends the work.</param>
    public async Task RunAsync(ImageRequest request, bool push, string? tag, ILogger logger, CancellationToken cancellation)
    {
        var reference = request.Reference;
        var endpoints = ImagePlace.Endpoints();
        var place = ImageSources.Open(reference, request.Remote, endpoints);
        await using var placeEnds = place.ConfigureAwait(false);
        var keeper = new LocalKeeper(store, asked => ImageSources.Open(asked.Reference, asked.Remote, endpoints));
        await using var keeperEnds = keeper.ConfigureAwait(false);
        var source = keeper.OpenSource(request);
        await using var sourceEnds = source.ConfigureAwait(false);
        var image = await LocalKeeper.ResolveAsync(source, request, cancellation).ConfigureAwait(false);
        var derivedTag = push ? await ChooseTagAsync(image, place, tag, logger, cancellation).ConfigureAwait(false) : null;
        // Who publishes an index vouches for it: the layers are streamed here, and their digests compared.
        await keeper.EnsureLayersAsync(image, source, RemoteIndexPolicy.Never, new LayerProgressLog(logger), cancellation).ConfigureAwait(false);
        if (derivedTag is not null)
            await PushAsync(image, place, derivedTag, cancellation).ConfigureAwait(false);
        else
            await DescribeAsync(image).ConfigureAwait(false);
    }

    /// <summary>What the derived manifest is to be called: what was said, or the image's tag, the platform where there are several, and
    /// <see cref="ImageIndexer.TagSuffix"/>. An image that is indexed already keeps its tag.</summary>
    static async ValueTask<string> ChooseTagAsync(ResolvedImage image, IImageTarget place, string? said, ILogger logger, CancellationToken cancellation)
    {
        var reference = image.Reference;
        var found = await place.FindAsync(reference, cancellation).ConfigureAwait(false);
        var own = reference.Digest is not null ? null : reference.Tag ?? found[0].RefName ?? "latest";
        var hasPlatforms = (await ImageResolver.PlatformsAsync(place, reference, found, cancellation).ConfigureAwait(false)).Count > 1;
        var isIndexed = !hasPlatforms && image.Layers.All(layer => layer.Blob.Annotations.ContainsKey(IndexBlobFormat.DigestAnnotation));
        if (said is null && own is null)
            throw new ImageException($"{reference} has no tag from which the indexed image could have one; name one with --tag");
        if (said is not null && said == own && !isIndexed)
            throw new ImageException($"--tag {said} is what {reference} itself is called, and would be taken from it; choose another, or none for {own}{ImageIndexer.TagSuffix}");
        var tag = said ?? (isIndexed ? own! : hasPlatforms ? $"{own}-{PlatformName(image)}{ImageIndexer.TagSuffix}" : own + ImageIndexer.TagSuffix);
        if (isIndexed && tag == own) Log.IndexedAlready(logger, PlainText.Of(reference.ToString()));
        await place.CheckAsync(tag, cancellation).ConfigureAwait(false);
        return tag;
    }

    /// <summary>Of one among several, as a part of a tag: such as arm64 or arm-v7.</summary>
    static string PlatformName(ResolvedImage image)
    {
        var platform = image.Manifest.Platform ?? image.Config.Platform ?? Platform.Current;
        var name = platform.Variant is null ? platform.Architecture : $"{platform.Architecture}-{platform.Variant}";
        return platform.Os == Platform.Current.Os ? name : $"{platform.Os}-{name}";
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
            await output.WriteLineAsync($"{layer.Blob.Digest} {index.Info.EntryCount} entries, {index.PieceCount} pieces, {SeekPoints(index.SpanCount)}").ConfigureAwait(false);
        }
    }

    static string SeekPoints(long count) => string.Create(CultureInfo.InvariantCulture, $"{count} seek point{(count == 1 ? "" : "s")}");

    void WriteIndex(LayerIndexBlob index, ResolvedImage image)
    {
        var size = image.Layers.First(layer => layer.Blob.Digest == index.Layer.BlobDigest).Blob.Size;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{index.Layer.BlobDigest} {index.Layer.EntryCount} entries, {index.Layer.PieceCount} pieces, {SeekPoints(index.Layer.SpanCount)}; index of {index.Blob.Size} bytes, {100.0 * index.Blob.Size / Math.Max(size, 1):f1} %"));
    }
}
