namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>Something of a known size that is read by ranges: a blob in a directory, of a registry, an object of a bucket.
/// Safe for concurrent reads.</summary>
public interface IRangeSource : IAsyncDisposable
{
    /// <summary>For messages: where it lies, as the person would look for it.</summary>
    string Name { get; }

    /// <summary>In bytes.</summary>
    long Size { get; }

    /// <summary>What the bytes are held to: reads of another identity's bytes fail.</summary>
    SourceIdentity Identity { get; }

    /// <summary>It was seen to send the whole for a range, so that a range costs all that lies before it.</summary>
    bool IgnoresRanges => false;

    /// <summary>Begins to read a range: one request, where the source is remote. The stream is read from its beginning to its end, by one
    /// reader at a time; it gives <paramref name="length"/> bytes and then ends, or fails with a <see cref="SourceException"/>: it never ends
    /// early. Disposing of it early ends the request.</summary>
    /// <param name="offset">Of the first byte.</param>
    /// <param name="length">At least 1; the range lies within the source.</param>
    /// <param name="cancellation">Ends waiting for the beginning; each read has its own.</param>
    /// <exception cref="SourceException">The source cannot be read.</exception>
    ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken cancellation);

    /// <summary>The same for the cache that a guest reads through, saying who waits for it. Sources that bound their requests let demand go first, and
    /// those that are refused may ask again for a while, as a guest cannot come back with other credentials; to others it is all one.</summary>
    /// <exception cref="SourceException">The source cannot be read.</exception>
    ValueTask<Stream> OpenAsync(long offset, long length, RequestPriority priority, CancellationToken cancellation) =>
        OpenAsync(offset, length, cancellation);
}
