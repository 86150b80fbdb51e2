using System.Text.Json;
using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>An OCI image layout directory (image-spec, image-layout.md).</summary>
public sealed class LayoutImageSource(string path) : IImageSource
{
    readonly DirectoryBlobSource _blobs = new(path);

    public string Name => path;

    public async ValueTask<IReadOnlyList<Descriptor>> FindAsync(ImageReference reference, CancellationToken cancellation)
    {
        var manifests = await ReadIndexAsync(cancellation).ConfigureAwait(false);
        if (manifests.Count == 0) throw new ImageException($"the OCI layout {path} holds no image");
        if (reference.Digest is { } digest)
            return [manifests.Find(manifest => manifest.Digest == digest) ?? await FindNestedAsync(manifests, digest, cancellation).ConfigureAwait(false)];
        var tag = reference.Tag ?? (manifests.Exists(manifest => manifest.RefName == "latest") ? "latest" : null);
        if (tag is null)
        {
            // Platforms of one untagged image are one image; several names are not.
            if (manifests.DistinctBy(manifest => manifest.RefName).Count() == 1) return manifests;
            throw new ImageException($"the OCI layout {path} holds several images; name one: {Tags(manifests)}");
        }

        var tagged = manifests.FindAll(manifest => manifest.RefName == tag);
        return tagged.Count > 0 ? tagged : throw new ImageException($"the OCI layout {path} has no tag '{tag}'; it has: {Tags(manifests)}");
    }

    public async ValueTask<IReadOnlyList<Descriptor>> ListAsync(CancellationToken cancellation) =>
        await ReadIndexAsync(cancellation).ConfigureAwait(false);

    public ValueTask<IRangeSource> OpenBlobAsync(Digest digest, CancellationToken cancellation) => _blobs.OpenAsync(digest, cancellation);

    /// <summary>A manifest that only an index in the layout lists.</summary>
    async ValueTask<Descriptor> FindNestedAsync(List<Descriptor> manifests, Digest digest, CancellationToken cancellation)
    {
        foreach (var index in manifests.Where(manifest => MediaTypes.IsIndex(manifest.MediaType)))
        {
            var json = await ImageResolver.ReadAsync(this, index, cancellation).ConfigureAwait(false);
            if (ImageDocuments.ReadIndex($"{path} {index.Digest}", index.MediaType, json).Find(manifest => manifest.Digest == digest) is { } found)
                return found;
        }

        throw new ImageException($"the OCI layout {path} lists no manifest {digest}");
    }

    async ValueTask<List<Descriptor>> ReadIndexAsync(CancellationToken cancellation)
    {
        await CheckLayoutAsync(cancellation).ConfigureAwait(false);
        return ImageDocuments.ReadIndex(
            Path.Combine(path, "index.json"), null, await ReadFileAsync("index.json", cancellation).ConfigureAwait(false));
    }

    async ValueTask CheckLayoutAsync(CancellationToken cancellation)
    {
        if (!Directory.Exists(path)) throw new ImageException($"there is no OCI layout at {path}: no such directory");
        using var document = OciDocument.Parse(
            Path.Combine(path, "oci-layout"), await ReadFileAsync("oci-layout", cancellation).ConfigureAwait(false));
        if (document.Member(document.Root, "imageLayoutVersion", JsonValueKind.String)?.GetString() is not { } version)
            throw document.Missing("imageLayoutVersion");
        if (version.Split('.')[0] != "1") throw document.Bad($"it has layout version {version}; this program reads 1");
    }

    async ValueTask<byte[]> ReadFileAsync(string name, CancellationToken cancellation)
    {
        try
        {
            var file = FileRangeSource.Open(Path.Combine(path, name), default);
            await using (file.ConfigureAwait(false))
                return await ImageResolver.ReadAllAsync(file, cancellation).ConfigureAwait(false);
        }
        catch (SourceException e)
        {
            throw new ImageException($"{path} is not an OCI layout: {e.Message}", e);
        }
    }

    static string Tags(List<Descriptor> manifests) => string.Join(", ", manifests.Select(manifest => manifest.RefName ?? $"@{manifest.Digest}"));
}
