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

    public async ValueTask<int> ReadAsync(long offset, Memory<byte> into, CancellationToken cancellation)
    {
        // Really asynchronous, as a network is.
        await Task.Yield();
        cancellation.ThrowIfCancellationRequested();
        Lowest = Math.Min(Lowest, offset);
        Highest = Math.Max(Highest, offset + into.Length);
        var count = (int)Math.Clamp(data.Length - offset, 0, Math.Min(into.Length, longestRead));
        data.AsMemory((int)Math.Min(offset, data.Length), count).CopyTo(into);
        return count;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
