using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Decompression;

/// <summary>Bytes as a source, given in reads of a bounded size, and fewer than it claims if told so.</summary>
sealed class MemorySource(byte[] data, int longestRead = int.MaxValue, long? claimedSize = null) : IRangeSource
{
    public string Name => "memory";

    public long Size => claimedSize ?? data.Length;

    public SourceIdentity Identity => default;

    /// <summary>The lowest and highest offset that were asked for.</summary>
    public long Lowest { get; private set; } = long.MaxValue;

    public long Highest { get; private set; }

    public ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken cancellation)
    {
        Lowest = Math.Min(Lowest, offset);
        Highest = Math.Max(Highest, offset + length);
        return new(new Reading(this, offset, offset + length));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    async ValueTask<int> ReadAsync(long offset, Memory<byte> into, CancellationToken cancellation)
    {
        // Really asynchronous, as a network is.
        await Task.Yield();
        cancellation.ThrowIfCancellationRequested();
        var count = (int)Math.Clamp(data.Length - offset, 0, Math.Min(into.Length, longestRead));
        if (count == 0) throw new SourceException($"memory ended at byte {offset} of {Size}");
        data.AsMemory((int)offset, count).CopyTo(into);
        return count;
    }

    sealed class Reading(MemorySource source, long offset, long end) : RangeStream
    {
        long _offset = offset;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var wanted = (int)Math.Min(buffer.Length, end - _offset);
            if (wanted == 0) return 0;
            var read = await source.ReadAsync(_offset, buffer[..wanted], cancellationToken);
            _offset += read;
            return read;
        }
    }
}
