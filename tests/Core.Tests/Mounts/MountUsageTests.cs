using VirtioFsStore.Core.Mounts;
using Xunit;

namespace VirtioFsStore.Core.Tests.Mounts;

/// <summary>A mount ends once, when nobody uses it, and is not let into afterwards.</summary>
public sealed class MountUsageTests
{
    const int Queues = 3;

    [Fact]
    public void Entering_and_leaving_allocates_nothing()
    {
        var usage = new MountUsage(1, () => { });
        Use(usage);
        var before = GC.GetAllocatedBytesForCurrentThread();

        for (var i = 0; i < 1000; i++)
            Use(usage);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        static void Use(MountUsage usage) => usage.Leave(usage.TryEnter(0, UsageKind.GoOn)!, closed: false);
    }

    [Fact]
    public void A_handle_may_be_closed_through_another_queue()
    {
        var ended = 0;
        var usage = new MountUsage(Queues, () => ended++);
        usage.Leave(usage.TryEnter(0, UsageKind.Open)!, closed: false);
        usage.Leave(usage.TryEnter(1, UsageKind.Open)!, closed: false);
        usage.Detach();
        usage.Leave(usage.TryEnter(2, UsageKind.Close)!, closed: true);
        Assert.Equal(0, ended);

        usage.Leave(usage.TryEnter(2, UsageKind.Close)!, closed: true);

        Assert.Equal(1, ended);
    }

    /// <summary>Queues open, use and close as fast as they can while the mount is removed: whoever was let in must find it open.</summary>
    [Fact]
    public void Nobody_is_in_a_mount_that_has_ended_whatever_the_timing()
    {
        for (var round = 0; round < 60; round++)
        {
            var ended = 0;
            var usage = new MountUsage(Queues, () => Interlocked.Increment(ref ended));
            var late = 0;
            var threads = Enumerable.Range(0, Queues).Select(queue => new Thread(() => late += Work(queue))).ToArray();
            foreach (var thread in threads)
                thread.Start();
            Thread.SpinWait(round * 200);
            usage.Detach();
            foreach (var thread in threads)
                thread.Join();

            Assert.Equal((1, 0), (ended, late));

            int Work(int queue)
            {
                var found = 0;
                while (usage.TryEnter(queue, UsageKind.Open) is { } opening)
                {
                    found += Volatile.Read(ref ended);
                    usage.Leave(opening, closed: false);
                    // What is open is let in and found open until it is closed.
                    var reading = usage.TryEnter(queue, UsageKind.GoOn);
                    found += reading is null ? 1 : Volatile.Read(ref ended);
                    if (reading is not null)
                        usage.Leave(reading, closed: false);
                    var closing = usage.TryEnter((queue + 1) % Queues, UsageKind.Close);
                    found += closing is null ? 1 : Volatile.Read(ref ended);
                    if (closing is not null)
                        usage.Leave(closing, closed: true);
                }
                return found;
            }
        }
    }
}
