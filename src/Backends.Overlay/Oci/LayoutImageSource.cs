using System.Text.Json;
using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>An OCI image layout (image-spec, image-layout.md): the files of a directory, or the objects of a bucket.</summary>
/// <param name="folder">Where it lies; becomes this object's own.</param>
public sealed class LayoutImageSource(IObjectFolder folder) : IImageSource
{
    public LayoutImageSource(string path)
        : this(new DirectoryFolder(path))
    {
    }

    public string Name => folder.Name;

    public async ValueTask<IReadOnlyList<Descriptor>> FindAsync(ImageReference reference, CancellationToken cancellation)
    {
        var manifests = await ReadIndexAsync(cancellation).ConfigureAwait(false);
        if (manifests.Count == 0) throw new ImageException($"the OCI layout {Name} holds no image");
        if (reference.Digest is { } digest)
            return [manifests.Find(manifest => manifest.Digest == digest) ?? await FindNestedAsync(manifests, digest, cancellation).ConfigureAwait(false)];
        var tag = reference.Tag ?? (manifests.Exists(manifest => manifest.RefName == "latest") ? "latest" : null);
        if (tag is null)
        {
            // What has no name beside one that has is what had that name before, or an artifact about it.
            var named = manifests.FindAll(manifest => manifest.RefName is { } name && ImageTag.NamesImage(name));
            // Platforms of one untagged image are one image; several names are not.
            if (named.DistinctBy(manifest => manifest.RefName).Count() < 2) return named.Count > 0 ? named : manifests;
            throw new ImageException($"the OCI layout {Name} holds several images; name one: {Tags(manifests)}");
        }

        var tagged = manifests.FindAll(manifest => manifest.RefName == tag);
        return tagged.Count > 0 ? tagged : throw new ImageException($"the OCI layout {Name} has no tag '{tag}'; it has: {Tags(manifests)}");
    }

    public async ValueTask<IReadOnlyList<Descriptor>> ListAsync(CancellationToken cancellation) =>
        await ReadIndexAsync(cancellation).ConfigureAwait(false);

    public ValueTask<IRangeSource> OpenManifestAsync(Descriptor manifest, CancellationToken cancellation) => OpenBlobAsync(manifest, cancellation);

    public ValueTask<IRangeSource> OpenBlobAsync(Descriptor blob, CancellationToken cancellation) =>
        folder.OpenAsync(KeyOf(blob.Digest), blob.Digest, blob.Size, cancellation);

    internal static string KeyOf(Digest blob) => $"blobs/{blob.Algorithm}/{blob.Hex}";

    public ValueTask DisposeAsync() => folder.DisposeAsync();

    /// <summary>A manifest that only an index in the layout lists.</summary>
    async ValueTask<Descriptor> FindNestedAsync(List<Descriptor> manifests, Digest digest, CancellationToken cancellation)
    {
        foreach (var index in manifests.Where(manifest => MediaTypes.IsIndex(manifest.MediaType)))
        {
            var json = await ImageResolver.ReadAsync(this, index, cancellation).ConfigureAwait(false);
            if (ImageDocuments.ReadIndex($"{Name} {index.Digest}", index.MediaType, json).Find(manifest => manifest.Digest == digest) is { } found)
                return found;
        }

        throw new ImageException($"the OCI layout {Name} lists no manifest {digest}");
    }

    async ValueTask<List<Descriptor>> ReadIndexAsync(CancellationToken cancellation)
    {
        await CheckLayoutAsync(cancellation).ConfigureAwait(false);
        return ImageDocuments.ReadIndex(
            $"{Name}/index.json", null, await ReadFileAsync("index.json", cancellation).ConfigureAwait(false));
    }

    async ValueTask CheckLayoutAsync(CancellationToken cancellation)
    {
        using var document = OciDocument.Parse(
            $"{Name}/oci-layout", await ReadFileAsync("oci-layout", cancellation).ConfigureAwait(false));
        if (document.Member(document.Root, "imageLayoutVersion", JsonValueKind.String)?.GetString() is not { } version)
            throw document.Missing("imageLayoutVersion");
        if (version.Split('.')[0] != "1") throw document.Bad($"it has layout version {version}; this program reads 1");
    }

    async ValueTask<byte[]> ReadFileAsync(string name, CancellationToken cancellation)
    {
        try
        {
            var file = await folder.OpenAsync(name, null, null, cancellation).ConfigureAwait(false);
            await using (file.ConfigureAwait(false))
                return await ImageResolver.ReadAllAsync(file, cancellation).ConfigureAwait(false);
        }
        catch (SourceException e) when (e.Failure is SourceFailure.Missing or SourceFailure.Permanent)
        {
            throw new ImageException($"there is no OCI layout at {Name}: {e.Message}", e);
        }
    }

    /// <summary>What there is to choose from. Beside names, what has none was called so before; what is called by a digest is no image.</summary>
    static string Tags(List<Descriptor> manifests)
    {
        var names = manifests.Select(manifest => manifest.RefName).OfType<string>().Where(ImageTag.NamesImage).Distinct().ToList();
        return ImageTag.List(names.Count > 0 ? names : [.. manifests.Where(manifest => manifest.RefName is null).Select(manifest => $"@{manifest.Digest}")]);
    }
}
