using System.Globalization;
using System.Text.Json;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>What a manifest or an index refers to, of whatever kind: images, and artifacts that lie beside them.</summary>
/// <param name="Manifests">Of an index.</param>
/// <param name="Blobs">Configuration, layers, and their index blobs.</param>
/// <param name="Optional">Digests of those that an image can do without: index blobs.</param>
/// <param name="Subject">What an artifact is about, or null.</param>
/// <param name="ArtifactType">What it is, if it is no image (image-spec, manifest.md "artifactType"); else null.</param>
sealed record ManifestReferences(
    IReadOnlyList<Descriptor> Manifests, IReadOnlyList<Descriptor> Blobs, IReadOnlySet<Digest> Optional, Digest? Subject, string? ArtifactType)
{
    /// <summary>Manifests within one image, artifacts and attestations included: more than any tool writes.</summary>
    const int MaxDepth = 8;

    const int MaxManifests = 10_000;

    /// <exception cref="ImageException">The document is not sound.</exception>
    public static ManifestReferences Read(string name, Descriptor manifest, ReadOnlyMemory<byte> json)
    {
        if (MediaTypes.IsIndex(manifest.MediaType))
            return new ManifestReferences(ImageDocuments.ReadIndex(name, manifest.MediaType, json), [], new HashSet<Digest>(), null, null);
        using var document = OciDocument.Parse(name, json);
        document.CheckSchemaVersion();
        var root = document.Root;
        List<Descriptor> blobs = [];
        HashSet<Digest> optional = [];
        if (document.Member(root, "config", JsonValueKind.Object) is { } config) blobs.Add(document.Descriptor(config, "config"));
        if (document.Member(root, "layers", JsonValueKind.Array) is { } layers)
        {
            foreach (var element in layers.EnumerateArray())
            {
                var layer = document.Descriptor(element, $"layers[{blobs.Count}]");
                blobs.Add(layer);
                if (IndexBlobOf(layer) is not { } index) continue;
                blobs.Add(index);
                optional.Add(index.Digest);
            }
        }

        var subject = document.Member(root, "subject", JsonValueKind.Object) is { } given ? document.Descriptor(given, "subject").Digest : null;
        return new ManifestReferences([], blobs, optional, subject, document.Text(root, "artifactType"));
    }

    /// <summary>Reads a manifest or an index and all below it.</summary>
    /// <returns>Each document once, what is referred to before what refers to it.</returns>
    /// <exception cref="ImageException">One is missing or not sound.</exception>
    public static async ValueTask<List<(Descriptor Manifest, byte[] Json, ManifestReferences References)>> WalkAsync(
        IImageSource source, Descriptor root, CancellationToken cancellation)
    {
        var all = new List<(Descriptor, byte[], ManifestReferences)>();
        var seen = new HashSet<Digest>();
        await VisitAsync(root, 0).ConfigureAwait(false);
        return all;

        async ValueTask VisitAsync(Descriptor manifest, int depth)
        {
            if (!seen.Add(manifest.Digest)) return;
            if (depth > MaxDepth || seen.Count > MaxManifests) throw new ImageException($"{source.Name}: {root.Digest} has more manifests below it than an image has");
            if (!MediaTypes.IsIndex(manifest.MediaType) && !MediaTypes.IsManifest(manifest.MediaType))
                throw new ImageException($"{source.Name}: {manifest.Digest} is {manifest.MediaType}, which is no image");
            var json = await ImageResolver.ReadAsync(source, manifest, cancellation).ConfigureAwait(false);
            var references = Read($"{source.Name}: {manifest.Digest}", manifest, json);
            foreach (var child in references.Manifests) await VisitAsync(child, depth + 1).ConfigureAwait(false);
            all.Add((manifest, json, references));
        }
    }

    /// <summary>Whether an index lists a manifest, by itself or by an index in it. Only indexes are read: what else is missing does not matter.</summary>
    /// <exception cref="ImageException">An index is missing or not sound.</exception>
    public static async ValueTask<bool> ListsAsync(IImageSource source, Descriptor index, Digest manifest, CancellationToken cancellation)
    {
        var seen = new HashSet<Digest>();
        return await SearchAsync(index, 0).ConfigureAwait(false);

        async ValueTask<bool> SearchAsync(Descriptor at, int depth)
        {
            if (!seen.Add(at.Digest)) return false;
            if (depth > MaxDepth || seen.Count > MaxManifests) throw new ImageException($"{source.Name}: {index.Digest} has more manifests below it than an image has");
            var listed = Read($"{source.Name}: {at.Digest}", at, await ImageResolver.ReadAsync(source, at, cancellation).ConfigureAwait(false)).Manifests;
            if (listed.Any(child => child.Digest == manifest)) return true;
            foreach (var child in listed.Where(child => MediaTypes.IsIndex(child.MediaType)))
                if (await SearchAsync(child, depth + 1).ConfigureAwait(false)) return true;
            return false;
        }
    }

    static Descriptor? IndexBlobOf(Descriptor layer) =>
        Digest.TryParse(layer.Annotations.GetValueOrDefault(IndexBlobFormat.DigestAnnotation)) is { } digest
        && long.TryParse(layer.Annotations.GetValueOrDefault(IndexBlobFormat.SizeAnnotation), NumberStyles.None, CultureInfo.InvariantCulture, out var size)
            ? new Descriptor(IndexBlobFormat.MediaType, digest, size, null, new Dictionary<string, string> { [IndexBlobFormat.LayerAnnotation] = layer.Digest.ToString() })
            : null;
}
