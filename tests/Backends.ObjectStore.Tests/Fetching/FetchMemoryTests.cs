using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Tests.Cache;
using VirtioFsStore.Core.Interop;
using Xunit;
using Codec = VirtioFsStore.Backends.ObjectStore.Decompression.Compression;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Fetching;

public sealed class FetchMemoryTests
{
    const int LargeWindowLog = 25;
    const int FrameSize = 300_000;

    [Fact]
    public async Task Who_asked_first_is_served_first()
    {
        var memory = new FetchMemory(10);
        var first = await memory.TakeAsync(6, default);
        var second = memory.TakeAsync(8, default).AsTask();
        var third = memory.TakeAsync(1, default).AsTask();
        Assert.Equal((2, false, false), (memory.Waiting, second.IsCompleted, third.IsCompleted));

        first.Dispose();
        using var two = await second;
        using var three = await third;
        Assert.Equal(0, memory.Waiting);
    }

    [Fact]
    public async Task Who_waits_no_longer_makes_way()
    {
        var memory = new FetchMemory(10);
        using var first = await memory.TakeAsync(6, default);
        using var cancel = new CancellationTokenSource();
        var second = memory.TakeAsync(8, cancel.Token).AsTask();
        var third = memory.TakeAsync(4, default).AsTask();

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        (await third).Dispose();
    }

    [Fact]
    public async Task What_needs_more_than_there_is_gets_all_of_it()
    {
        var memory = new FetchMemory(10);
        using var all = await memory.TakeAsync(1000, default);
        var next = memory.TakeAsync(1, default).AsTask();
        Assert.Equal(1, memory.Waiting);
        // Once more is once too often.
        all.Dispose();
        all.Dispose();
        using var one = await next;
        Assert.False(memory.TakeAsync(10, default).AsTask().IsCompleted);
    }

    [Fact]
    public async Task Layers_that_need_large_windows_take_turns()
    {
        var options = CacheFixture.Plain with { Memory = new FetchMemory(128 << 20) };
        await using var one = new CacheFixture(Layer(80), options);
        await using var other = new CacheFixture(Layer(81), options);
        // From here on it is known what they need.
        Assert.Equal(Errno.None, await one.Cache.EnsureAsync(0, 1, null, default));
        Assert.Equal(Errno.None, await other.Cache.EnsureAsync(0, 1, null, default));
        var (requests, last) = (other.Source.Requests.Count, other.Layer.Spans[^1].FirstPiece);

        one.Source.Gate = 0;
        var first = one.Cache.EnsureAsync(one.Layer.Spans[^1].FirstPiece, 1, null, default).AsTask();
        while (one.Source.Requests.Count < requests + 1) await Task.Yield();
        var second = other.Cache.EnsureAsync(last, 1, null, default).AsTask();
        while (options.Memory.Waiting == 0) await Task.Yield();
        Assert.Equal(requests, other.Source.Requests.Count);

        one.Source.Gate = long.MaxValue;
        Assert.Equal([Errno.None, Errno.None], await Task.WhenAll(first, second));
        Assert.Equal(0, one.Cache.Store.Counters.Read().VerifyFailures);
    }

    static MadeLayer Layer(int seed) => new(seed, 5 * FrameSize, Codec.Zstd, Compress, maxFile: 60_000);

    static byte[] Compress(byte[] data)
    {
        var blob = new MemoryStream();
        foreach (var frame in data.Chunk(FrameSize))
        {
            using var writer = new ZstdFrameWriter(blob, LargeWindowLog);
            writer.Write(frame);
            writer.Complete();
        }

        return blob.ToArray();
    }
}
