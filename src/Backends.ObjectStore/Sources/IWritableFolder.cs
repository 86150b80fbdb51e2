namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>A folder that takes objects. An object is there as a whole or not at all.</summary>
public interface IWritableFolder : IObjectFolder
{
    /// <summary>The size of an object in bytes; null where there is none of that name.</summary>
    /// <exception cref="SourceException">That cannot be found out.</exception>
    ValueTask<long?> FindAsync(string key, CancellationToken cancellation);

    /// <summary>Stores an object, in the place of one that has the name. An upload of the same object that broke off earlier goes on with what
    /// is there of it, where the folder keeps that.</summary>
    /// <param name="key">Its name.</param>
    /// <param name="content">Read once from its beginning to its end; when it fails, no object comes about.</param>
    /// <param name="length">Of the content, in bytes.</param>
    /// <param name="progress">Bytes that are there so far, before anything is written, and then as it goes on; called from any thread.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="SourceException">It cannot be written, or the content fails.</exception>
    ValueTask PutAsync(string key, Stream content, long length, Action<long>? progress, CancellationToken cancellation);

    /// <summary>Changes a small object such that no change of another gets lost that is made so at the same time.</summary>
    /// <param name="key">Its name.</param>
    /// <param name="limit">Bytes; a larger one is refused.</param>
    /// <param name="change">From what is there, or null, to what is to be there; null where nothing is to be changed (any more). Called again when
    /// another was faster, and after the change, until it has nothing to change.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="SourceException">It cannot be read or written.</exception>
    ValueTask UpdateAsync(string key, int limit, Func<byte[]?, byte[]?> change, CancellationToken cancellation);

    /// <summary>Removes an object, if there is one.</summary>
    /// <exception cref="SourceException">It cannot be removed.</exception>
    ValueTask DeleteAsync(string key, CancellationToken cancellation);
}
