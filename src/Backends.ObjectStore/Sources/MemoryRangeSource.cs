namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>Bytes that were read already.</summary>
public sealed class MemoryRangeSource(string name, ReadOnlyMemory<byte> bytes, SourceIdentity identity) : IRangeSource
{
    public string Name => name;

    public long Size => bytes.Length;

    public SourceIdentity Identity => identity;

    public ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken cancellation) =>
        new(new Reading(bytes.Slice((int)offset, (int)length)));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    sealed class Reading(ReadOnlyMemory<byte> rest) : RangeStream
    {
        ReadOnlyMemory<byte> _rest = rest;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = Math.Min(buffer.Length, _rest.Length);
            _rest[..count].CopyTo(buffer);
            _rest = _rest[count..];
            return new(count);
        }
    }
}
