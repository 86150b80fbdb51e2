namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>The blobs of an OCI layout directory, <c>blobs/ALGORITHM/HEX</c> (image-spec, image-layout.md).</summary>
public sealed class DirectoryBlobSource(string layout) : IBlobSource
{
    public string Name => layout;

    public ValueTask<IRangeSource> OpenAsync(Digest digest, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var path = Path.Combine(layout, "blobs", digest.Algorithm, digest.Hex);
        return new(FileRangeSource.Open(path, new SourceIdentity(digest, null)));
    }
}
