namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>Named objects below one place: the files of a directory, the keys of a bucket below a prefix. Keys are relative, with slashes.</summary>
public interface IObjectFolder : IAsyncDisposable
{
    /// <summary>For messages: where it lies.</summary>
    string Name { get; }

    /// <summary>Opens an object to read it.</summary>
    /// <param name="key">Its name.</param>
    /// <param name="digest">What its bytes are known to have, if they do.</param>
    /// <param name="size">Its size where that is known, which saves a request; what turns out to have another fails as it is read.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="SourceException">There is no such object, or it cannot be reached.</exception>
    ValueTask<IRangeSource> OpenAsync(string key, Digest? digest, long? size, CancellationToken cancellation);
}
