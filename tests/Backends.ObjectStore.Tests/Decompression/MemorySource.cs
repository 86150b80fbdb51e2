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
        return new(new ReadingStream(ReadAsync, offset, offset + length));
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
}
