namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>Blobs by digest: the content-addressed half of an image source.</summary>
public interface IBlobSource
{
    /// <summary>For messages: where the blobs lie.</summary>
    string Name { get; }

    /// <exception cref="SourceException">There is no such blob, or it cannot be reached.</exception>
    ValueTask<IRangeSource> OpenAsync(Digest digest, CancellationToken cancellation);
}
