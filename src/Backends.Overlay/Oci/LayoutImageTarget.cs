using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>An OCI image layout that takes images, too: it comes about with the first.</summary>
/// <param name="folder">Where it lies; becomes this object's own.</param>
public sealed class LayoutImageTarget(IWritableFolder folder) : IImageTarget
{
    const string LayoutFile = "oci-layout";
    const string IndexFile = "index.json";

    static readonly byte[] s_layout = """{"imageLayoutVersion":"1.0.0"}"""u8.ToArray();

    readonly LayoutImageSource _source = new(folder);

    public string Name => folder.Name;

    public ValueTask<IReadOnlyList<Descriptor>> FindAsync(ImageReference reference, CancellationToken cancellation) => _source.FindAsync(reference, cancellation);

    public ValueTask<IReadOnlyList<Descriptor>> ListAsync(CancellationToken cancellation) => _source.ListAsync(cancellation);

    public ValueTask<IRangeSource> OpenManifestAsync(Descriptor manifest, CancellationToken cancellation) => _source.OpenManifestAsync(manifest, cancellation);

    public ValueTask<IRangeSource> OpenBlobAsync(Descriptor blob, CancellationToken cancellation) => _source.OpenBlobAsync(blob, cancellation);

    public async ValueTask<bool> HasBlobAsync(Descriptor blob, CancellationToken cancellation) =>
        await folder.FindAsync(LayoutImageSource.KeyOf(blob.Digest), cancellation).ConfigureAwait(false) == blob.Size;

    public async ValueTask CheckAsync(string tag, CancellationToken cancellation)
    {
        if (!ImageTag.IsLayoutName(tag)) throw new ImageException($"{Name} can have no image called '{tag}': {ImageTag.Form}");
        if (await folder.FindAsync(IndexFile, cancellation).ConfigureAwait(false) is not { } size) return;
        if (size > OciDocument.MaxSize) throw new ImageException($"{Name}/{IndexFile} has {size} bytes, more than the {OciDocument.MaxSize} that are read");
        try
        {
            var index = await folder.OpenAsync(IndexFile, null, null, cancellation).ConfigureAwait(false);
            await using (index.ConfigureAwait(false))
                _ = ImageDocuments.ReadIndex($"{Name}/{IndexFile}", null, await ImageResolver.ReadAllAsync(index, cancellation).ConfigureAwait(false));
        }
        catch (SourceException e) when (e.Failure == SourceFailure.Missing)
        {
            // Removed meanwhile: it will be made.
        }
    }

    public async ValueTask PushBlobAsync(Descriptor blob, IRangeSource from, Action<long>? progress, CancellationToken cancellation)
    {
        if (from.Size != blob.Size) throw new SourceException($"{from.Name} has {from.Size} bytes, but {blob.Size} were announced");
        // Of nothing, nothing is read, and so nothing verified: it would replace a blob that is whole.
        if (blob.Size == 0 && blob.Digest != Digest.FromHash(blob.Digest.Algorithm, Emptiness(blob.Digest)))
            throw new SourceException($"{from.Name}: {blob.Digest} is announced with 0 bytes, which is not the digest of nothing");
        var stream = blob.Size == 0 ? new MemoryStream() : await from.OpenAsync(0, blob.Size, cancellation).ConfigureAwait(false);
        var verified = new VerifiedStream(stream, from.Name, blob.Digest, blob.Size);
        await using (verified.ConfigureAwait(false))
            await folder.PutAsync(LayoutImageSource.KeyOf(blob.Digest), verified, blob.Size, progress, cancellation).ConfigureAwait(false);
    }

    public async ValueTask PushManifestAsync(Descriptor manifest, ReadOnlyMemory<byte> json, string? tag, CancellationToken cancellation)
    {
        var contained = ManifestReferences.Read($"{Name}: {manifest.Digest}", manifest, json).Manifests.Select(child => child.Digest).ToHashSet();
        if (!await HasBlobAsync(manifest, cancellation).ConfigureAwait(false)) await PutAsync(LayoutImageSource.KeyOf(manifest.Digest), json.ToArray(), cancellation).ConfigureAwait(false);
        if (await folder.FindAsync(LayoutFile, cancellation).ConfigureAwait(false) is null) await PutAsync(LayoutFile, s_layout, cancellation).ConfigureAwait(false);
        await folder.UpdateAsync(
            IndexFile, OciDocument.MaxSize, index => LayoutIndex.With($"{Name}/{IndexFile}", index, manifest, tag, contained), cancellation).ConfigureAwait(false);
    }

    public async ValueTask RemoveAsync(ImageReference reference, CancellationToken cancellation)
    {
        var all = await ListAsync(cancellation).ConfigureAwait(false);
        var found = await FindAsync(reference, cancellation).ConfigureAwait(false);
        if (found.FirstOrDefault(manifest => !all.Any(listed => listed.Digest == manifest.Digest)) is { } part)
            throw new ImageException($"{part.Digest} is a part of an index of {Name}; only the whole can be removed");
        var digests = found.Select(manifest => manifest.Digest).ToHashSet();
        // By its digest, all names go; else the one that was said or found.
        bool Meant(Descriptor listed) => digests.Contains(listed.Digest) && (reference.Digest is not null || found.Any(manifest => manifest.RefName == listed.RefName));
        var gone = all.Where(Meant).Select(manifest => manifest.Digest).Where(digest => !all.Any(other => other.Digest == digest && !Meant(other))).ToHashSet();
        var artifacts = await FindArtifactsAsync(all, gone, cancellation).ConfigureAwait(false);
        bool Removed(Descriptor listed) => Meant(listed) || artifacts.Contains(listed.Digest);
        var candidates = await ReachableAsync(all.Where(manifest => gone.Contains(manifest.Digest) || artifacts.Contains(manifest.Digest)), tolerant: true, cancellation).ConfigureAwait(false);
        await folder.UpdateAsync(
            IndexFile, OciDocument.MaxSize, index => index is null ? null : LayoutIndex.Without($"{Name}/{IndexFile}", index, Removed), cancellation).ConfigureAwait(false);
        // What is listed now, after others' changes.
        candidates.ExceptWith(await ReachableAsync(await ListAsync(cancellation).ConfigureAwait(false), tolerant: false, cancellation).ConfigureAwait(false));
        foreach (var digest in candidates) await folder.DeleteAsync(LayoutImageSource.KeyOf(digest), cancellation).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync() => folder.DisposeAsync();

    static byte[] Emptiness(Digest digest)
    {
        using var hash = digest.CreateHash();
        return hash.GetHashAndReset();
    }

    async ValueTask PutAsync(string key, byte[] content, CancellationToken cancellation)
    {
        using var stream = new MemoryStream(content, writable: false);
        await folder.PutAsync(key, stream, content.Length, null, cancellation).ConfigureAwait(false);
    }

    /// <summary>Manifests that are about what goes, without a name or with one that is made of its digest: those that keep index blobs.</summary>
    async ValueTask<HashSet<Digest>> FindArtifactsAsync(IReadOnlyList<Descriptor> all, HashSet<Digest> subjects, CancellationToken cancellation)
    {
        var found = new HashSet<Digest>();
        foreach (var manifest in all.Where(manifest => (manifest.RefName is null || IndexBlobFormat.IsArtifactTag(manifest.RefName)) && MediaTypes.IsManifest(manifest.MediaType)))
        {
            try
            {
                var json = await ImageResolver.ReadAsync(this, manifest, cancellation).ConfigureAwait(false);
                if (ManifestReferences.Read($"{Name}: {manifest.Digest}", manifest, json).Subject is { } subject && subjects.Contains(subject)) found.Add(manifest.Digest);
            }
            catch (ImageException)
            {
                // Whatever it is, it is not known to be about that.
            }
        }

        return found;
    }

    /// <param name="roots">Manifests and indexes.</param>
    /// <param name="tolerant">Whether one that cannot be read refers to nothing; else nothing can be said.</param>
    /// <param name="cancellation">Ends the work.</param>
    async ValueTask<HashSet<Digest>> ReachableAsync(IEnumerable<Descriptor> roots, bool tolerant, CancellationToken cancellation)
    {
        var reachable = new HashSet<Digest>();
        foreach (var root in roots)
        {
            reachable.Add(root.Digest);
            try
            {
                foreach (var (manifest, _, references) in await ManifestReferences.WalkAsync(this, root, cancellation).ConfigureAwait(false))
                {
                    reachable.Add(manifest.Digest);
                    reachable.UnionWith(references.Blobs.Select(blob => blob.Digest));
                }
            }
            catch (ImageException e) when (!tolerant)
            {
                throw new ImageException($"{Name}: the name is removed, but its blobs stay, since what others need cannot be told: {e.Message}", e);
            }
            catch (ImageException)
            {
                // It goes as far as it is known.
            }
        }

        return reachable;
    }
}
