using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Registry;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.Backends.Overlay.IndexBlobs;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>A repository of a registry.</summary>
public sealed class RegistryImageSource : IImageTarget
{
    /// <summary>Heads asked for at a time where all tags are listed.</summary>
    const int HeadsInFlight = 8;

    /// <summary>An image's indexes and its manifest: who found them opens them next.</summary>
    const int MaxKept = 8;

    static readonly string[] s_mediaTypes = [MediaTypes.Manifest, MediaTypes.Index, MediaTypes.DockerManifest, MediaTypes.DockerIndex];

    readonly RegistryClient _client;
    readonly Lock _lock = new();
    readonly List<(Digest Digest, byte[] Json)> _kept = [];

    /// <summary>Asks nothing yet.</summary>
    /// <param name="path">HOST/REPOSITORY.</param>
    /// <param name="options">How registries are reached.</param>
    /// <param name="endpoints">Of this process.</param>
    /// <exception cref="ImageException">It names no repository, or this machine's configuration for it is not sound.</exception>
    public RegistryImageSource(string path, RemoteOptions options, RemoteEndpoints endpoints)
    {
        try
        {
            _client = new RegistryClient(RegistryName.Parse(path), options, endpoints);
        }
        catch (SourceException e)
        {
            throw new ImageException(e.Message, e);
        }
    }

    RegistryImageSource(RegistryClient client) => _client = client;

    public string Name => _client.Name;

    public SourceCounters Counters => _client.Counters;

    public async ValueTask<IReadOnlyList<Descriptor>> FindAsync(ImageReference reference, CancellationToken cancellation)
    {
        var (name, manifest) = await AskAsync(
            reference, name => _client.GetManifestAsync(name, s_mediaTypes, cancellation), cancellation).ConfigureAwait(false);
        Keep(manifest.Digest, manifest.Bytes);
        return [Describe(manifest, reference.Digest is null ? name : null)];
    }

    public async ValueTask<IReadOnlyList<Descriptor>> ListAsync(CancellationToken cancellation)
    {
        var tags = await _client.GetTagsAsync(cancellation).ConfigureAwait(false);
        var all = new Descriptor?[tags.Count];
        await Parallel.ForAsync(0, tags.Count, new ParallelOptions { MaxDegreeOfParallelism = HeadsInFlight, CancellationToken = cancellation }, async (i, token) =>
        {
            try
            {
                all[i] = await DescribeAsync(tags[i], token).ConfigureAwait(false);
            }
            catch (SourceException e) when (e.Failure == SourceFailure.Missing)
            {
                // Removed since it was listed, or its manifest is: the others are there.
            }
        }).ConfigureAwait(false);
        return [.. all.OfType<Descriptor>()];
    }

    public async ValueTask<IRangeSource> OpenManifestAsync(Descriptor manifest, CancellationToken cancellation)
    {
        if (Kept(manifest.Digest) is not { } json)
        {
            json = (await _client.GetManifestAsync(manifest.Digest.ToString(), s_mediaTypes, cancellation).ConfigureAwait(false)).Bytes;
            Keep(manifest.Digest, json);
        }

        return new BytesSource($"{Name}@{manifest.Digest}", json, new SourceIdentity(manifest.Digest, null));
    }

    public ValueTask<IRangeSource> OpenBlobAsync(Descriptor blob, CancellationToken cancellation) => new(_client.OpenBlob(blob.Digest, blob.Size));

    public ValueTask<bool> HasBlobAsync(Descriptor blob, CancellationToken cancellation) => _client.HasBlobAsync(blob.Digest, blob.Size, cancellation);

    public ValueTask CheckAsync(string tag, CancellationToken cancellation)
    {
        CheckTag(tag);
        return ValueTask.CompletedTask;
    }

    public async ValueTask PushBlobAsync(Descriptor blob, IRangeSource from, Action<long>? progress, CancellationToken cancellation)
    {
        if (from.Size != blob.Size) throw new SourceException($"{from.Name} has {from.Size} bytes, but {blob.Size} were announced");
        await _client.PushBlobAsync(blob.Digest, from, progress, cancellation).ConfigureAwait(false);
    }

    public async ValueTask PushManifestAsync(Descriptor manifest, ReadOnlyMemory<byte> json, string? tag, CancellationToken cancellation)
    {
        if (tag is not null) CheckTag(tag);
        await _client.PutManifestAsync(tag ?? manifest.Digest.ToString(), manifest.MediaType, json, cancellation).ConfigureAwait(false);
    }

    public async ValueTask RemoveAsync(ImageReference reference, CancellationToken cancellation)
    {
        // Where it is removed, and not at a mirror, it is asked what a tag means.
        var target = new RegistryImageSource(_client.OfTarget());
        await using (target.ConfigureAwait(false))
            await target.RemoveHereAsync(reference, cancellation).ConfigureAwait(false);
    }

    async ValueTask RemoveHereAsync(ImageReference reference, CancellationToken cancellation)
    {
        var (name, digest) = await AskAsync(
            reference, async name => reference.Digest ?? (await DescribeAsync(name, cancellation).ConfigureAwait(false)).Digest, cancellation).ConfigureAwait(false);
        try
        {
            if (!await _client.DeleteManifestAsync(name, cancellation).ConfigureAwait(false))
            {
                if (reference.Digest is null) await CheckIsOnlyTagAsync(name, digest, cancellation).ConfigureAwait(false);
                if (reference.Digest is not null || !await _client.DeleteManifestAsync(digest.ToString(), cancellation).ConfigureAwait(false)) throw Forbidden(name);
            }
        }
        catch (SourceException e) when (e.Failure == SourceFailure.Missing)
        {
            throw new ImageException($"{Name} has no {name}: {e.Message}", e);
        }

        await RemoveIndexesAsync(digest, hasOtherTags: reference.Digest is null, cancellation).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return ValueTask.CompletedTask;
    }

    SourceException Forbidden(string name) =>
        new(SourceFailure.Refused, $"{Name} forbids to delete {name}; a registry of one's own allows it by REGISTRY_STORAGE_DELETE_ENABLED=true");

    /// <summary>What keeps the index blobs of a manifest goes with it.</summary>
    /// <param name="manifest">Of which a tag was removed.</param>
    /// <param name="hasOtherTags">Whether it may have others, and be there still.</param>
    /// <param name="cancellation">Ends the work.</param>
    async ValueTask RemoveIndexesAsync(Digest manifest, bool hasOtherTags, CancellationToken cancellation)
    {
        Digest artifact;
        try
        {
            artifact = (await DescribeAsync(IndexBlobFormat.ArtifactTag(manifest), cancellation).ConfigureAwait(false)).Digest;
        }
        catch (SourceException e) when (e.Failure == SourceFailure.Missing)
        {
            return;
        }

        if (hasOtherTags)
        {
            foreach (var other in await ListAsync(cancellation).ConfigureAwait(false))
            {
                if (other.Digest == manifest) return;
                if (MediaTypes.IsIndex(other.MediaType) && await ManifestReferences.ListsAsync(this, other, manifest, cancellation).ConfigureAwait(false)) return;
            }
        }

        if (!await _client.DeleteManifestAsync(artifact.ToString(), cancellation).ConfigureAwait(false)) throw Forbidden(artifact.ToString());
    }

    /// <summary>Registries older than the specification delete manifests, not tags; that does the same where there is no other tag of it.</summary>
    async ValueTask CheckIsOnlyTagAsync(string tag, Digest digest, CancellationToken cancellation)
    {
        var all = await ListAsync(cancellation).ConfigureAwait(false);
        var others = all.Where(manifest => manifest.Digest == digest && manifest.RefName != tag).Select(manifest => manifest.RefName).ToList();
        foreach (var index in all.Where(manifest => MediaTypes.IsIndex(manifest.MediaType) && manifest.RefName != tag))
            if (await ManifestReferences.ListsAsync(this, index, digest, cancellation).ConfigureAwait(false))
                throw new SourceException(SourceFailure.Refused, $"{Name} cannot remove a tag by itself, and {digest} is a part of {index.RefName}, which would be broken without it");
        if (others.Count > 0)
            throw new SourceException(SourceFailure.Refused, $"{Name} cannot remove a tag by itself, and {digest} is also {string.Join(", ", others)}; to remove it under all its names, say @{digest}");
    }

    async ValueTask<Descriptor> DescribeAsync(string tag, CancellationToken cancellation)
    {
        if (await _client.HeadManifestAsync(tag, s_mediaTypes, cancellation).ConfigureAwait(false) is { MediaType: { } type } head && IsKnown(type))
            return new Descriptor(type, head.Digest, head.Size, null, Called(tag));
        return Describe(await _client.GetManifestAsync(tag, s_mediaTypes, cancellation).ConfigureAwait(false), tag);
    }

    Descriptor Describe(RegistryManifest manifest, string? tag)
    {
        var type = manifest.MediaType;
        if (type is null || !IsKnown(type))
        {
            using var document = OciDocument.Parse($"manifest {manifest.Digest} of {Name}", manifest.Bytes);
            type = document.Text(document.Root, "mediaType") ?? type ?? throw document.Missing("mediaType");
        }

        return new Descriptor(type, manifest.Digest, manifest.Bytes.Length, null, Called(tag));
    }

    static bool IsKnown(string mediaType) => s_mediaTypes.Contains(mediaType);

    static Dictionary<string, string> Called(string? tag) => tag is null ? [] : new() { [Descriptor.RefNameAnnotation] = tag };

    string CheckTag(string tag) => ImageTag.IsTag(tag) ? tag : throw new ImageException($"{Name} can have no tag '{tag}': {ImageTag.Form}");

    /// <summary>Asks for what a reference says: a digest, a tag, or without either latest, else the only tag of an image there.</summary>
    /// <param name="reference">In this repository.</param>
    /// <param name="ask">By a name; fails with <see cref="SourceFailure.Missing"/> where there is nothing of that name.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>The answer, and the name that it was given for.</returns>
    /// <exception cref="ImageException">There is none.</exception>
    async ValueTask<(string Name, T Answer)> AskAsync<T>(ImageReference reference, Func<string, ValueTask<T>> ask, CancellationToken cancellation)
    {
        var name = reference.Digest?.ToString() ?? CheckTag(reference.Tag ?? "latest");
        try
        {
            return (name, await ask(name).ConfigureAwait(false));
        }
        catch (SourceException e) when (e.Failure == SourceFailure.Missing)
        {
            if (reference.Digest is not null) throw new ImageException($"{Name} has no manifest {name}: {e.Message}", e);
            if (reference.Tag is not null) throw new ImageException($"{Name} has no tag '{name}': {e.Message}", e);
            return await AskAsync(reference with { Tag = await OnlyTagAsync(e, cancellation).ConfigureAwait(false) }, ask, cancellation).ConfigureAwait(false);
        }
    }

    /// <param name="noLatest">Why nothing is called latest.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="ImageException">There is none, or more than one.</exception>
    async ValueTask<string> OnlyTagAsync(SourceException noLatest, CancellationToken cancellation)
    {
        IReadOnlyList<string> tags;
        try
        {
            tags = [.. (await _client.GetTagsAsync(cancellation).ConfigureAwait(false)).Where(ImageTag.NamesImage)];
        }
        catch (SourceException e) when (e.Failure is SourceFailure.Missing or SourceFailure.Refused or SourceFailure.Permanent)
        {
            throw new ImageException($"{Name} has no tag 'latest', and its tags cannot be listed; name one: {e.Message}", e);
        }

        return tags.Count switch
        {
            1 => tags[0],
            0 => throw new ImageException($"{Name} has no tag: {noLatest.Message}", noLatest),
            _ => throw new ImageException($"{Name} holds several images, none of them called latest; name one: {ImageTag.List(tags)}", noLatest),
        };
    }

    byte[]? Kept(Digest digest)
    {
        lock (_lock) return _kept.Find(kept => kept.Digest == digest).Json;
    }

    void Keep(Digest digest, byte[] json)
    {
        lock (_lock)
        {
            if (_kept.Exists(kept => kept.Digest == digest)) return;
            if (_kept.Count == MaxKept) _kept.RemoveAt(0);
            _kept.Add((digest, json));
        }
    }
}
