using System.Collections.Concurrent;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;

namespace VirtioFsStore.Backends.Overlay.Transfer;

/// <summary>Copies an image from any place to any other, byte by byte: digests stay what they are. Blobs first, several at a time, those that the
/// target has left out; then manifests, what is referred to before what refers to it; the name last. So a push that broke off leaves nothing that
/// has a name and is not whole, and the next goes on with what is there.</summary>
/// <param name="source">Has it.</param>
/// <param name="target">Gets it.</param>
/// <param name="progress">Called from several threads at once.</param>
/// <param name="clock">Whose time is waited where a host asks for patience; null for the system's.</param>
public sealed class ImagePush(IImageSource source, IImageTarget target, IProgress<BlobProgress>? progress, TimeProvider? clock = null)
{
    /// <summary>Enough to hide the round trips of small blobs, and that large ones share the line.</summary>
    const int BlobsAtATime = 4;

    /// <summary>Of one blob, each of which goes on with what the one before sent, where the target can. Single requests are tried again besides.</summary>
    const int Tries = 3;

    readonly TimeProvider _clock = clock ?? TimeProvider.System;

    /// <param name="from">What it is at the source. Without a platform the whole of it is meant, with the images for all platforms.</param>
    /// <param name="platform">The one image to be taken, or null.</param>
    /// <param name="to">Where it goes; without a tag, it is called there as it is here, or latest.</param>
    /// <param name="cancellation">Ends the work; what was sent stays.</param>
    /// <exception cref="ImageException">There is no such image, or it is not sound.</exception>
    /// <exception cref="SourceException">It cannot be read or written; the message says which blob.</exception>
    public async Task<PushResult> RunAsync(ImageReference from, Platform? platform, ImageReference to, CancellationToken cancellation)
    {
        if (to.Digest is not null) throw new ImageException($"{to}: what is pushed has the digest that it has; name a tag, or nothing");
        var found = await source.FindAsync(from, cancellation).ConfigureAwait(false);
        var tag = to.Tag ?? from.Tag ?? found[0].RefName ?? (from.Digest is null ? "latest" : throw new ImageException($"say what {from} is to be called: {to}:TAG"));
        await target.CheckAsync(tag, cancellation).ConfigureAwait(false);
        var (root, made) = platform is not null
            ? ((await ImageResolver.ResolveAsync(source, from, platform, cancellation).ConfigureAwait(false)).Manifest, null)
            : Whole(found);
        var all = made is null
            ? await ManifestReferences.WalkAsync(source, root, cancellation).ConfigureAwait(false)
            : await WalkMadeAsync(root, made, found, cancellation).ConfigureAwait(false);
        var counts = await PushBlobsAsync(all.Select(item => item.References), cancellation).ConfigureAwait(false);
        foreach (var (manifest, json, references) in all)
        {
            var indexes = references.Blobs.Where(blob => blob.MediaType == IndexBlobFormat.MediaType && !counts.Missing.Contains(blob.Digest)).DistinctBy(blob => blob.Digest).ToList();
            if (indexes.Count > 0 && references.ArtifactType is null)
                await NamedAsync(manifest, async () => await IndexArtifact.PushAsync(target, manifest, indexes, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
            var isRoot = manifest.Digest == root.Digest;
            await NamedAsync(manifest, () => target.PushManifestAsync(manifest, json, isRoot ? tag : null, cancellation), cancellation).ConfigureAwait(false);
        }

        return new PushResult(root.Digest, tag, all.Count, counts.Sent, counts.Present, counts.Bytes);
    }

    /// <summary>A layout may have several manifests under one name, a platform each. Elsewhere that is an index.</summary>
    static (Descriptor Root, byte[]? Made) Whole(IReadOnlyList<Descriptor> found)
    {
        if (found.Count == 1) return (found[0], null);
        var json = DescriptorWriter.WriteIndex(found.Select(manifest => manifest with
        {
            Annotations = manifest.Annotations.Where(annotation => annotation.Key != Descriptor.RefNameAnnotation).ToDictionary(),
        }));
        return (new Descriptor(MediaTypes.Index, Digest.Sha256(json), json.Length, null, new Dictionary<string, string>()), json);
    }

    async ValueTask<List<(Descriptor Manifest, byte[] Json, ManifestReferences References)>> WalkMadeAsync(
        Descriptor root, byte[] json, IReadOnlyList<Descriptor> parts, CancellationToken cancellation)
    {
        var all = new List<(Descriptor Manifest, byte[] Json, ManifestReferences References)>();
        foreach (var part in parts)
            all.AddRange(await ManifestReferences.WalkAsync(source, part, cancellation).ConfigureAwait(false));
        return [.. all.DistinctBy(item => item.Manifest.Digest), (root, json, ManifestReferences.Read(source.Name, root, json))];
    }

    async Task<(int Sent, int Present, long Bytes, IReadOnlySet<Digest> Missing)> PushBlobsAsync(IEnumerable<ManifestReferences> manifests, CancellationToken cancellation)
    {
        var optional = manifests.SelectMany(manifest => manifest.Optional).ToHashSet();
        var blobs = manifests.SelectMany(manifest => manifest.Blobs).DistinctBy(blob => blob.Digest).ToList();
        foreach (var blob in blobs) progress?.Report(new BlobProgress(blob, BlobState.Waiting, 0));
        var (sent, present, bytes) = (0, 0, 0L);
        var missing = new ConcurrentBag<Digest>();
        await Parallel.ForEachAsync(
            blobs, new ParallelOptions { MaxDegreeOfParallelism = BlobsAtATime, CancellationToken = cancellation }, async (blob, stop) =>
            {
                var (outcome, found) = await PushBlobAsync(blob, optional.Contains(blob.Digest), stop).ConfigureAwait(false);
                switch (outcome)
                {
                    case true:
                        Interlocked.Increment(ref sent);
                        Interlocked.Add(ref bytes, blob.Size - found);
                        break;
                    case false:
                        Interlocked.Increment(ref present);
                        break;
                    default:
                        missing.Add(blob.Digest);
                        break;
                }
            }).ConfigureAwait(false);
        return (sent, present, bytes, missing.ToHashSet());
    }

    /// <summary>True if it was sent, false if it was there, null if nobody has it and it can be done without; and how many bytes of one that was
    /// sent were there.</summary>
    async ValueTask<(bool? Sent, long Found)> PushBlobAsync(Descriptor blob, bool isOptional, CancellationToken cancellation)
    {
        try
        {
            return await AgainAsync(blob, Tries, patience => PushBlobAsync(blob, patience, cancellation), cancellation).ConfigureAwait(false);
        }
        catch (SourceException e) when (e.Failure == SourceFailure.Missing && isOptional)
        {
            progress?.Report(new BlobProgress(blob, BlobState.Present, 0));
            return default;
        }
        catch (SourceException e) when (!e.IsUnreachable)
        {
            throw new SourceException(e.Failure, $"cannot push blob {blob.Digest} ({blob.MediaType}) to {target.Name}: {e.Message}", e, e.RetryAfter);
        }
    }

    async ValueTask<(bool? Sent, long Found)> PushBlobAsync(Descriptor blob, PushPatience patience, CancellationToken cancellation)
    {
        if (await target.HasBlobAsync(blob, cancellation).ConfigureAwait(false))
        {
            progress?.Report(new BlobProgress(blob, BlobState.Present, blob.Size));
            return (false, 0);
        }

        progress?.Report(new BlobProgress(blob, BlobState.Sending, 0));
        var content = await source.OpenBlobAsync(blob, cancellation).ConfigureAwait(false);
        await using (content.ConfigureAwait(false))
            await target.PushBlobAsync(blob, content, Sent, cancellation).ConfigureAwait(false);
        progress?.Report(new BlobProgress(blob, BlobState.Sent, blob.Size, Found: patience.Found));
        return (true, patience.Found);

        void Sent(long have)
        {
            patience.Sent(have);
            progress?.Report(new BlobProgress(blob, BlobState.Sending, have));
        }
    }

    async ValueTask NamedAsync(Descriptor manifest, Func<ValueTask> push, CancellationToken cancellation)
    {
        try
        {
            // Its requests are tried again by themselves, and are all that there is to it.
            await AgainAsync(manifest, 1, async patience =>
            {
                await push().ConfigureAwait(false);
                if (patience.WasAsked) progress?.Report(new BlobProgress(manifest, BlobState.Sent, manifest.Size));
                return true;
            }, cancellation).ConfigureAwait(false);
        }
        catch (SourceException e) when (!e.IsUnreachable)
        {
            throw new SourceException(e.Failure, $"cannot push manifest {manifest.Digest} to {target.Name}: {e.Message}", e, e.RetryAfter);
        }
    }

    /// <summary>Does what may fail, again where a failure may pass, and as often as a host asks for patience and there is some.</summary>
    async ValueTask<T> AgainAsync<T>(Descriptor item, int tries, Func<PushPatience, ValueTask<T>> attempt, CancellationToken cancellation)
    {
        var patience = new PushPatience(item, progress, _clock);
        for (var failures = 0; ;)
        {
            try
            {
                return await attempt(patience).ConfigureAwait(false);
            }
            catch (SourceException e)
            {
                if (await patience.WaitAsync(e, cancellation).ConfigureAwait(false)) continue;
                // Each request was tried for a while before: at once. What was damaged on its way may be whole the next time. A host that
                // could not be reached in all that time is not there.
                if (e.IsUnreachable || e.Failure is not (SourceFailure.Transient or SourceFailure.Busy or SourceFailure.Changed) || ++failures == tries) throw;
            }
        }
    }
}
