using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>From a reference to verified layers: index, nested index, platform, manifest, configuration.</summary>
public static class ImageResolver
{
    /// <summary>An index in an index in an index is more than any tool writes.</summary>
    const int MaxIndexDepth = 4;

    const int MaxIndexes = 100;

    /// <exception cref="ImageException">The image cannot be found, or is not sound.</exception>
    public static async ValueTask<ResolvedImage> ResolveAsync(
        IImageSource source, ImageReference reference, Platform platform, CancellationToken cancellation)
    {
        IReadOnlyList<Descriptor> candidates;
        try
        {
            candidates = await source.FindAsync(reference, cancellation).ConfigureAwait(false);
        }
        catch (SourceException e)
        {
            throw new ImageException($"{reference} cannot be looked up: {e.Message}", e);
        }

        var manifest = await ChooseAsync(source, reference, candidates, platform, [], 0, cancellation).ConfigureAwait(false)
            ?? throw new ImageException($"{reference} has no image for {platform}; it has: {Platforms(candidates)}; choose with --platform");
        var image = await LoadAsync(source, reference, manifest, cancellation).ConfigureAwait(false);
        return image.Config.Platform is not { } offered || platform.Accepts(offered)
            ? image
            : throw new ImageException($"{reference} is for {offered}, not for {platform}; if it is meant, say --platform {offered}");
    }

    /// <summary>Reads an image of which the manifest is known, whatever its platform.</summary>
    /// <param name="source">Has it.</param>
    /// <param name="reference">What was asked for.</param>
    /// <param name="manifest">Of the image.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="ImageException">It is missing, or not sound, or no image.</exception>
    public static async ValueTask<ResolvedImage> LoadAsync(
        IImageSource source, ImageReference reference, Descriptor manifest, CancellationToken cancellation)
    {
        var name = $"manifest {manifest.Digest} of {reference}";
        var json = await ReadAsync(source, manifest, cancellation).ConfigureAwait(false);
        var (configDescriptor, layers) = ImageDocuments.ReadManifest(name, manifest.MediaType, json);
        var sociIndex = ImageDocuments.ReadAnnotation(name, json, Soci.SociIndex.DigestAnnotation) is { } text && Digest.TryParse(text) is { } digest
            ? reference with { Tag = null, Digest = digest }
            : null;
        var config = ImageDocuments.ReadConfig(
            $"configuration {configDescriptor.Digest} of {reference}", await ReadAsync(source, configDescriptor, cancellation).ConfigureAwait(false));
        if (config.DiffIds.Count != layers.Count)
            throw new ImageException($"{name} has {layers.Count} layers, but the configuration has {config.DiffIds.Count} diff IDs");
        return new ResolvedImage(reference, manifest, config, [.. layers.Zip(config.DiffIds, (layer, diffId) => new ImageLayer(
            layer,
            MediaTypes.LayerCompression(layer.MediaType)
                ?? throw new ImageException($"{name} has a layer of type {layer.MediaType}, which cannot be served; plain, gzip and zstd tar can"),
            diffId) { SociIndex = sociIndex })]);
    }

    /// <summary>The manifests that <paramref name="found"/> stands for, whatever their platform: of an index those that it lists, attestations left out.</summary>
    /// <param name="source">Has them.</param>
    /// <param name="reference">What was asked for.</param>
    /// <param name="found">By <see cref="IImageSource.FindAsync"/>.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="ImageException">An index is missing or not sound.</exception>
    public static async ValueTask<IReadOnlyList<Descriptor>> ExpandAsync(
        IImageSource source, ImageReference reference, IReadOnlyList<Descriptor> found, CancellationToken cancellation)
    {
        var manifests = new List<Descriptor>();
        var seen = new HashSet<Digest>();
        await AddAsync(found, 0).ConfigureAwait(false);
        return manifests;

        async ValueTask AddAsync(IReadOnlyList<Descriptor> listed, int depth)
        {
            // buildx gives what it says of an image the platform unknown/unknown.
            foreach (var item in listed.Where(item => item.Platform?.Os != "unknown"))
            {
                if (!MediaTypes.IsIndex(item.MediaType)) manifests.Add(item);
                else if (seen.Add(item.Digest)) await AddAsync(await ReadNestedAsync(source, reference, item, seen.Count, depth, cancellation).ConfigureAwait(false), depth + 1).ConfigureAwait(false);
            }
        }
    }

    /// <summary>The platforms of the images that <paramref name="found"/> stands for, each once: where an index does not say it, by the configuration; null
    /// stands for those that do not say it either. What is no image has none.</summary>
    /// <inheritdoc cref="ExpandAsync"/>
    public static async ValueTask<IReadOnlyCollection<Platform?>> PlatformsAsync(
        IImageSource source, ImageReference reference, IReadOnlyList<Descriptor> found, CancellationToken cancellation)
    {
        var platforms = new HashSet<Platform?>();
        foreach (var manifest in (await ExpandAsync(source, reference, found, cancellation).ConfigureAwait(false)).Where(item => MediaTypes.IsManifest(item.MediaType)))
        {
            try
            {
                platforms.Add(manifest.Platform ?? (await LoadAsync(source, reference, manifest, cancellation).ConfigureAwait(false)).Config.Platform);
            }
            catch (ImageException e) when (e.InnerException is not SourceException)
            {
                // An artifact, such as a signature.
            }
        }

        return platforms;
    }

    /// <summary>The first manifest for the platform, an index standing for what it lists. One that does not say its platform
    /// will do if it is the only one: its configuration says it then.</summary>
    static async ValueTask<Descriptor?> ChooseAsync(
        IImageSource source, ImageReference reference, IReadOnlyList<Descriptor> candidates, Platform platform, HashSet<Digest> seen, int depth,
        CancellationToken cancellation)
    {
        foreach (var candidate in candidates)
        {
            if (candidate.Platform is null ? candidates.Count > 1 && MediaTypes.IsManifest(candidate.MediaType) : !platform.Accepts(candidate.Platform)) continue;
            if (MediaTypes.IsManifest(candidate.MediaType)) return candidate;
            if (!MediaTypes.IsIndex(candidate.MediaType))
            {
                if (candidates.Count > 1) continue;
                throw new ImageException($"{reference} is {candidate.MediaType}, which is no image");
            }

            // An index that was looked through has no such image, wherever else it is listed.
            if (!seen.Add(candidate.Digest)) continue;
            var nested = await ReadNestedAsync(source, reference, candidate, seen.Count, depth, cancellation).ConfigureAwait(false);
            if (await ChooseAsync(source, reference, nested, platform, seen, depth + 1, cancellation).ConfigureAwait(false) is { } found) return found;
        }

        return null;
    }

    static async ValueTask<List<Descriptor>> ReadNestedAsync(
        IImageSource source, ImageReference reference, Descriptor index, int indexes, int depth, CancellationToken cancellation)
    {
        if (indexes > MaxIndexes) throw new ImageException($"{reference} has more than {MaxIndexes} nested indexes");
        if (depth == MaxIndexDepth) throw new ImageException($"{reference} has indexes nested more than {MaxIndexDepth} deep");
        return ImageDocuments.ReadIndex(
            $"index {index.Digest} of {reference}", index.MediaType, await ReadAsync(source, index, cancellation).ConfigureAwait(false));
    }

    /// <summary>Reads a document, verified by size and digest.</summary>
    internal static async ValueTask<byte[]> ReadAsync(IImageSource source, Descriptor descriptor, CancellationToken cancellation)
    {
        try
        {
            return await ReadVerifiedAsync(
                descriptor,
                MediaTypes.IsIndex(descriptor.MediaType) || MediaTypes.IsManifest(descriptor.MediaType) ? source.OpenManifestAsync : source.OpenBlobAsync,
                cancellation).ConfigureAwait(false);
        }
        catch (SourceException e)
        {
            throw new ImageException($"{source.Name}: {e.Message}", e);
        }
    }

    /// <param name="descriptor">What it must be.</param>
    /// <param name="open">Opens it.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="ImageException">It is too large, or not what the descriptor says.</exception>
    /// <exception cref="SourceException">It cannot be read.</exception>
    internal static async ValueTask<byte[]> ReadVerifiedAsync(
        Descriptor descriptor, Func<Descriptor, CancellationToken, ValueTask<IRangeSource>> open, CancellationToken cancellation)
    {
        if (descriptor.Size > OciDocument.MaxSize)
            throw new ImageException($"{descriptor.MediaType} {descriptor.Digest} has {descriptor.Size} bytes, more than the {OciDocument.MaxSize} that are read");
        var blob = await open(descriptor, cancellation).ConfigureAwait(false);
        await using (blob.ConfigureAwait(false))
        {
            if (blob.Size != descriptor.Size)
                throw new ImageException($"{blob.Name} has {blob.Size} bytes, but {descriptor.Size} were announced: the copy is damaged; fetch the image again");
            var json = await ReadAllAsync(blob, cancellation).ConfigureAwait(false);
            using var hash = descriptor.Digest.CreateHash();
            hash.AppendData(json);
            return descriptor.Digest.Matches(hash, out var actual)
                ? json
                : throw new ImageException($"{blob.Name} has digest {actual}: the copy is damaged; fetch the image again");
        }
    }

    internal static async ValueTask<byte[]> ReadAllAsync(IRangeSource source, CancellationToken cancellation)
    {
        if (source.Size > OciDocument.MaxSize)
            throw new SourceException($"{source.Name} has {source.Size} bytes, more than the {OciDocument.MaxSize} that are read");
        var all = new byte[source.Size];
        await source.ReadAsync(0, all, cancellation).ConfigureAwait(false);
        return all;
    }

    static string Platforms(IReadOnlyList<Descriptor> candidates) =>
        string.Join(", ", candidates.Select(candidate => candidate.Platform?.ToString() ?? $"{candidate.MediaType} {candidate.Digest}").Distinct());
}
