namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>A directory of this host.</summary>
public sealed class DirectoryFolder(string path) : IObjectFolder
{
    public string Name => path;

    public ValueTask<IRangeSource> OpenAsync(string key, Digest? digest, long? size, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return new(FileRangeSource.Open(Path.Combine(path, key), new SourceIdentity(digest, null)));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
