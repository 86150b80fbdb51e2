using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Tests.Cache;
using VirtioFsStore.Core.Interop;
using Xunit;
using Codec = VirtioFsStore.Backends.ObjectStore.Decompression.Compression;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Fetching;

public sealed class FetchMemoryTests
{
    const int LargeWindowLog = 25;
    const int FrameSize = 300_000;

    /// <summary>Four layers may hold a quarter of it each.</summary>
    const int Size = 40;

    [Fact]
    public async Task Who_asked_first_is_served_first()
    {
        var memory = new FetchMemory(Size);
        var held = await TakeAllButAsync(4, memory, Size);
        var second = TakeAsync(memory, new object(), 8);
        var third = TakeAsync(memory, new object(), 1);
        Assert.Equal((2, false, false), (memory.Waiting, second.IsCompleted, third.IsCompleted));

        held.Dispose();
        using var two = await second;
        using var three = await third;
        Assert.Equal(0, memory.Waiting);
    }

    [Fact]
    public async Task What_is_waited_for_comes_before_what_is_read_ahead()
    {
        var memory = new FetchMemory(Size);
        var held = await TakeAllButAsync(4, memory, Size);
        var priority = RequestPriority.Readahead;
        var ahead = TakeAsync(memory, new object(), 7, RequestPriority.Readahead);
        var raised = memory.TakeAsync(new object(), 7, () => priority, default).AsTask();
        // Somebody came to wait for it.
        priority = RequestPriority.Demand;

        held.Dispose();

        using (await raised.WaitAsync(Wait.Limit)) Assert.False(ahead.IsCompleted);
        (await ahead).Dispose();
    }

    [Fact]
    public async Task Who_waits_no_longer_makes_way()
    {
        var memory = new FetchMemory(Size);
        using var held = await TakeAllButAsync(4, memory, Size);
        using var cancel = new CancellationTokenSource();
        var second = memory.TakeAsync(new object(), 8, () => RequestPriority.Demand, cancel.Token).AsTask();
        var third = TakeAsync(memory, new object(), 4);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        (await third).Dispose();
    }

    [Fact]
    public async Task A_layer_gets_a_quarter_at_most_and_holds_up_itself_alone()
    {
        var memory = new FetchMemory(Size);
        var layer = new object();
        using var most = await TakeAsync(memory, layer, 1000);
        var next = TakeAsync(memory, layer, 1);
        Assert.Equal(1, memory.Waiting);

        using (await TakeAsync(memory, new object(), 10))
        using (await TakeAsync(memory, new object(), 10))
        using (await TakeAsync(memory, new object(), 10))
            Assert.False(next.IsCompleted);

        // Once more is once too often.
        most.Dispose();
        most.Dispose();
        using var one = await next;
        Assert.False(TakeAsync(memory, layer, 10).IsCompleted);
    }

    [Fact]
    public async Task Layers_that_need_large_windows_take_turns()
    {
        var memory = new FetchMemory();
        await using var one = new CacheFixture(Layer(80), CacheFixture.Plain with { Memory = memory });
        await using var other = new CacheFixture(Layer(81), CacheFixture.Plain with { Memory = memory });
        // From here on it is known what they need.
        Assert.Equal(Errno.None, await one.Cache.EnsureAsync(0, 1, null, default));
        Assert.Equal(Errno.None, await other.Cache.EnsureAsync(0, 1, null, default));
        var (requests, last) = (other.Source.Requests.Count, other.Layer.Spans[^1].FirstPiece);

        using var held = await TakeAllButAsync(FetchMemory.DefaultSize / 4, memory, FetchMemory.DefaultSize);
        one.Source.Gate = 0;
        var first = one.Cache.EnsureAsync(last, 1, null, default).AsTask();
        await Wait.UntilAsync(() => one.Source.Requests.Count == requests + 1);
        var second = other.Cache.EnsureAsync(last, 1, null, default).AsTask();
        await Wait.UntilAsync(() => memory.Waiting == 1);
        Assert.Equal(requests, other.Source.Requests.Count);

        one.Source.Gate = long.MaxValue;
        Assert.Equal([Errno.None, Errno.None], await Task.WhenAll(first, second));
        Assert.Equal(0, one.Cache.Store.Counters.Read().VerifyFailures);
    }

    [Fact]
    public async Task A_layer_whose_source_hangs_holds_up_no_other()
    {
        var options = CacheFixture.Plain with { Memory = new FetchMemory() };
        await using var hung = new CacheFixture(Layer(80), options);
        await using var usual = new CacheFixture(MadeLayer.Gzip(81, 500_000), options);
        await using var large = new CacheFixture(Layer(82), options);
        Assert.Equal(Errno.None, await hung.Cache.EnsureAsync(0, 1, null, default));
        var requests = hung.Source.Requests.Count;
        hung.Source.Gate = 0;
        var waiting = hung.Layer.Spans.Skip(1).Take(4).Select(span => hung.Cache.EnsureAsync(span.FirstPiece, 1, null, default).AsTask()).ToArray();
        await Wait.UntilAsync(() => hung.Source.Requests.Count > requests && hung.Source.Requests.Count - requests + options.Memory.Waiting == waiting.Length);

        Assert.Equal(Errno.None, await usual.Cache.EnsureAsync(0, 1, null, default).AsTask().WaitAsync(Wait.Limit));
        Assert.Equal(Errno.None, await large.Cache.EnsureAsync(0, 1, null, default).AsTask().WaitAsync(Wait.Limit));

        hung.Source.Gate = long.MaxValue;
        Assert.All(await Task.WhenAll(waiting), error => Assert.Equal(Errno.None, error));
    }

    static Task<IDisposable> TakeAsync(FetchMemory memory, object layer, long bytes, RequestPriority priority = RequestPriority.Demand) =>
        memory.TakeAsync(layer, bytes, () => priority, default).AsTask();

    /// <returns>What one of four layers holds; the others keep what they have.</returns>
    static async Task<IDisposable> TakeAllButAsync(long free, FetchMemory memory, long size)
    {
        for (var layer = 0; layer < 3; layer++) await TakeAsync(memory, new object(), size / 4);
        return await TakeAsync(memory, new object(), size / 4 - free);
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
