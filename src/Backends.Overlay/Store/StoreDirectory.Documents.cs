using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>What is kept of remote images beside their layers: manifests, indexes and configurations by digest, and what references meant.</summary>
public sealed partial class StoreDirectory
{
    const int DocumentsVersion = 1;

    /// <summary>A document of that digest; null if the store has none that is sound.</summary>
    public byte[]? TryReadDocument(Digest digest)
    {
        var json = TryRead(DocumentPath(digest));
        if (json is null) return null;
        using var hash = digest.CreateHash();
        hash.AppendData(json);
        // One that was damaged is fetched again, and then replaced.
        return digest.Matches(hash, out _) ? json : null;
    }

    /// <summary>Keeps a document whose digest was verified.</summary>
    /// <exception cref="ImageException">The store cannot take it.</exception>
    public ValueTask WriteDocumentAsync(Digest digest, ReadOnlyMemory<byte> json, CancellationToken cancellation) =>
        WriteAsync($"document-{digest.Algorithm}-{digest.Hex}", DocumentPath(digest), json, cancellation);

    /// <summary>What a reference of that key meant when it was asked for last: an index of manifests; null if that is not known.</summary>
    public byte[]? TryReadReference(string key) => TryRead(ReferencePath(key));

    /// <exception cref="ImageException">The store cannot take it.</exception>
    public ValueTask WriteReferenceAsync(string key, ReadOnlyMemory<byte> index, CancellationToken cancellation) =>
        WriteAsync($"reference-{key}", ReferencePath(key), index, cancellation);

    string DocumentPath(Digest digest) => Path.Combine(Folder("documents", DocumentsVersion), digest.Algorithm, digest.Hex);

    string ReferencePath(string key) => Path.Combine(Folder("references", DocumentsVersion), key);

    byte[]? TryRead(string path)
    {
        try
        {
            var file = new FileInfo(path);
            return file.Exists && file.Length <= OciDocument.MaxSize ? File.ReadAllBytes(path) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageException($"the store {Root} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Writes a small file that may be there already: whoever reads it sees the old one or the new one, whole.</summary>
    async ValueTask WriteAsync(string key, string destination, ReadOnlyMemory<byte> content, CancellationToken cancellation) =>
        _ = await ReplaceAsync(key, destination, () => true, (aside, _) =>
        {
            using var file = new FileStream(aside, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                BufferSize = 0,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            file.Write(content.Span);
            return ValueTask.CompletedTask;
        }, Move, cancellation).ConfigureAwait(false);
}
