using Xunit;

namespace VirtioFsStore.Core.Tests.Virtqueues;

/// <summary>The request path of a queue allocates nothing once its pool is warm, whether requests wait or not.</summary>
public sealed class WorkerAllocationTests
{
    const int Batch = 32;
    const int Warm = 200;
    const int Rounds = 2000;

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Queue_s_thread_allocates_nothing(bool eventIndex, bool completesLater)
    {
        var before = 0L;
        var after = 0L;
        var handler = new EchoHandler();
        handler.OnRequest = _ =>
        {
            if (handler.Handled == Warm * Batch)
                before = GC.GetAllocatedBytesForCurrentThread();
            if (handler.Handled == Rounds * Batch)
                after = GC.GetAllocatedBytesForCurrentThread();
        };
        if (completesLater)
            handler.Defer = request => request.Complete();
        using var worker = new WorkerHarness(handler, 64, eventIndex).Start();
        for (var round = 0; round < Rounds; round++)
        {
            worker.Offer(Batch);
            for (var i = 0; i < Batch; i++)
                _ = worker.Take();
        }

        Assert.NotEqual(0, before);
        Assert.Equal(0, after - before);
    }
}
