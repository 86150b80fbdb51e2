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

    /// <summary>Reads from <paramref name="offset"/>; returns the bytes read: at least one, or 0 at or past the end.</summary>
    /// <exception cref="SourceException">The source cannot be read.</exception>
    ValueTask<int> ReadAsync(long offset, Memory<byte> into, CancellationToken cancellation);
}
