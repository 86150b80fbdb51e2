namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>Bytes in memory, such as a document that came whole.</summary>
public sealed class BytesSource(string name, ReadOnlyMemory<byte> bytes, SourceIdentity identity) : IRangeSource
{
    public string Name => name;

    public long Size => bytes.Length;

    public SourceIdentity Identity => identity;

    public ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (offset < 0 || length < 1 || length > Size - offset) throw new SourceException($"{name} has {Size} bytes: there are not {length} at {offset}");
        return new(new MemoryStream(bytes.Slice((int)offset, (int)length).ToArray(), writable: false));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
