using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Virtqueues;
using VirtioFsStore.Driver.Memory;
using Xunit;
using GuestLog = VirtioFsStore.Driver.Memory.DirtyLog;

namespace VirtioFsStore.Core.Tests.Virtqueues;

public sealed unsafe class QueueWorkerTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Requests_are_answered_with_their_own_replies(bool eventIndex)
    {
        using var worker = new WorkerHarness(new EchoHandler(), eventIndex: eventIndex).Start();
        for (var round = 0; round < 200; round++)
        {
            worker.Offer(16);
            for (var i = 0; i < 16; i++)
            {
                var entry = worker.Take();
                Assert.Equal(8u, entry.Length);
                Assert.Equal(1000L + entry.Token, worker.Ring.Guest.Read<long>(0x10_0000 + ((ulong)entry.Token * 64) + 8192));
            }
        }
        Assert.Equal(3200, worker.Handler.Handled);
        Assert.True(worker.Handler.Made <= 16, "request objects are used again");
    }

    [Fact]
    public void Requests_finished_by_another_thread_are_answered_as_they_finish()
    {
        using var worker = new WorkerHarness(new EchoHandler { Holds = true }).Start();
        worker.Offer(4);
        Assert.True(worker.Handler.WaitHeld(4));
        Assert.False(worker.Queue.TryTake(out _));

        worker.Handler.Release(newestFirst: true);

        Assert.Equal([3, 2, 1, 0], Enumerable.Range(0, 4).Select(_ => worker.Take().Token));
    }

    [Fact]
    public void Requests_finished_by_many_threads_at_once_are_all_answered()
    {
        var pending = new System.Collections.Concurrent.ConcurrentQueue<Core.Transport.TransportRequest>();
        using var arrived = new SemaphoreSlim(0);
        var handler = new EchoHandler
        {
            Defer = request =>
            {
                pending.Enqueue(request);
                arrived.Release();
            },
        };
        using var worker = new WorkerHarness(handler, 64).Start();
        using var done = new CancellationTokenSource();
        var finishers = Enumerable.Range(0, 3).Select(_ => new Thread(() =>
        {
            try
            {
                while (true)
                {
                    arrived.Wait(done.Token);
                    Assert.True(pending.TryDequeue(out var request));
                    request.BytesWritten = 8;
                    request.Complete();
                }
            }
            catch (OperationCanceledException)
            {
            }
        })).ToArray();
        Array.ForEach(finishers, thread => thread.Start());

        for (var round = 0; round < 200; round++)
        {
            worker.Offer(64);
            var tokens = Enumerable.Range(0, 64).Select(_ => worker.Take().Token).Order().ToArray();
            Assert.Equal(Enumerable.Range(0, 64), tokens);
        }

        done.Cancel();
        Array.ForEach(finishers, thread => thread.Join());
    }

    [Theory]
    [InlineData(9, 8u)]
    [InlineData(int.MaxValue, 8u)]
    [InlineData(-1, 0u)]
    public void Reply_longer_than_its_buffers_is_not_told_to_the_driver(int claimed, uint told)
    {
        var handler = new EchoHandler
        {
            Defer = request =>
            {
                request.BytesWritten = claimed;
                request.Complete();
            },
        };
        using var worker = new WorkerHarness(handler).Start();
        worker.Offer(1);

        Assert.Equal(told, worker.Take().Length);
    }

    [Fact]
    public void Request_with_a_malformed_chain_never_reaches_the_handler_and_stops_the_queue()
    {
        using var worker = new WorkerHarness(new EchoHandler()).Start();
        worker.Offer(1);
        _ = worker.Take();
        worker.Queue.WriteDescriptor(5, new Driver.Queues.Descriptor { Address = RingHarness.End, Length = 8 });
        worker.Queue.PostRaw(5);

        Assert.True(worker.Queue.Error.Wait(WorkerHarness.Patience));
        Assert.Equal(1, worker.Handler.Handled);
        // Nothing of the queue goes on.
        worker.Queue.PostRaw(0);
        worker.Worker.RequestStop();
        Assert.True(worker.WaitExited());
        Assert.Equal(1, worker.Handler.Handled);
        Assert.Equal(1, worker.Queue.DeviceUsedIndex);
    }

    [Fact]
    public void Answers_of_a_queue_that_broke_meanwhile_are_dropped()
    {
        using var worker = new WorkerHarness(new EchoHandler { Holds = true }).Start();
        worker.Offer(2);
        Assert.True(worker.Handler.WaitHeld(2));
        worker.Queue.PostRaw(ushort.MaxValue);
        Assert.True(worker.Queue.Error.Wait(WorkerHarness.Patience));

        worker.Handler.Release();
        worker.Worker.RequestStop();

        Assert.True(worker.WaitExited());
        Assert.Equal(0, worker.Queue.DeviceUsedIndex);
    }

    [Fact]
    public void Heads_named_again_and_again_do_not_fill_the_memory()
    {
        using var worker = new WorkerHarness(new EchoHandler { Holds = true }, 4).Start();
        worker.Offer(4);
        Assert.True(worker.Handler.WaitHeld(4));
        worker.Queue.PostRaw(0);

        Assert.True(worker.Queue.Error.Wait(WorkerHarness.Patience));
        Assert.Equal(4, worker.Handler.Handled);
    }

    [Fact]
    public void Handler_that_throws_ends_its_queue_and_nothing_else()
    {
        var handler = new EchoHandler { OnRequest = _ => throw new InvalidOperationException("test") };
        using var worker = new WorkerHarness(handler).Start();
        worker.Offer(1);

        Assert.True(worker.Queue.Error.Wait(WorkerHarness.Patience));
        worker.Worker.RequestStop();
        Assert.True(worker.WaitExited());
    }

    [Fact]
    public void Disabled_queue_takes_nothing_until_it_is_enabled()
    {
        using var worker = new WorkerHarness(new EchoHandler()).Start(enabled: false);
        worker.Offer(3);
        Assert.False(worker.Queue.WaitUsed(TimeSpan.FromMilliseconds(50)));

        worker.Worker.SetEnabled(true);

        for (var i = 0; i < 3; i++)
            Assert.Equal(i, worker.Take().Token);
    }

    [Fact]
    public void Stop_finishes_what_is_in_flight_and_takes_nothing_more()
    {
        using var worker = new WorkerHarness(new EchoHandler { Holds = true }).Start();
        worker.Offer(3);
        Assert.True(worker.Handler.WaitHeld(3));
        worker.Worker.RequestStop();
        Assert.False(worker.Worker.Join(TimeSpan.FromMilliseconds(50)));
        worker.Offer(2, 0x20_0000);

        worker.Handler.Release();

        Assert.True(worker.WaitExited());
        Assert.Equal(3, worker.Queue.DeviceUsedIndex);
        Assert.Equal(3, worker.Worker.NextAvailable);
    }

    [Fact]
    public void Queue_that_was_taken_away_is_never_written_again_and_keeps_its_memory_until_it_is_done()
    {
        using var worker = new WorkerHarness(new EchoHandler { Holds = true }).Start();
        worker.Offer(3);
        Assert.True(worker.Handler.WaitHeld(3));
        worker.Worker.RequestStop();
        worker.Worker.Abandon();
        _ = worker.Queue.Call.Take();
        worker.Ring.Table.Publish(Core.Memory.GuestMemory.Empty);
        Assert.NotEqual(0, worker.Ring.Table.RetiredCount);

        // These write into guest memory as they end: it has to be there.
        worker.Handler.Release();

        Assert.True(worker.WaitExited());
        Assert.Equal(0, worker.Queue.DeviceUsedIndex);
        Assert.Equal(0ul, worker.Queue.Call.Take());
        Assert.True(worker.Worker.HasEnded);
        worker.Ring.Table.Collect();
        Assert.Equal(0, worker.Ring.Table.RetiredCount);
    }

    [Fact]
    public void Queue_taken_away_in_the_middle_of_a_request_drops_its_answer()
    {
        using var inside = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        var handler = new EchoHandler
        {
            OnRequest = _ =>
            {
                inside.Set();
                go.Wait();
            },
        };
        using var worker = new WorkerHarness(handler).Start();
        worker.Offer(2);
        Assert.True(inside.Wait(WorkerHarness.Patience));
        worker.Worker.RequestStop();

        worker.Worker.Abandon();
        go.Set();

        Assert.True(worker.WaitExited());
        Assert.Equal(1, handler.Handled);
        Assert.Equal(0, worker.Queue.DeviceUsedIndex);
    }

    [Fact]
    public void Memory_that_is_mapped_anew_is_used_from_the_next_request_on()
    {
        using var worker = new WorkerHarness(new EchoHandler()).Start();
        for (var i = 0; i < 50; i++)
        {
            worker.Offer(1);
            _ = worker.Take();
            worker.Ring.Publish();
            worker.Ring.Table.Collect();
        }
        Assert.Equal(50, worker.Handler.Handled);
    }

    [Fact]
    public void Ring_whose_region_is_taken_out_stops_its_queue()
    {
        using var worker = new WorkerHarness(new EchoHandler()).Start();
        worker.Ring.Publish(only: region => region.GuestAddress != 0);
        worker.Queue.Kick.Signal();

        Assert.True(worker.Queue.Error.Wait(WorkerHarness.Patience));
    }

    [Fact]
    public void Ring_outside_of_memory_is_not_started()
    {
        var ring = new RingHarness();
        ring.Publish(only: region => region.GuestAddress != 0);
        using var worker = new WorkerHarness(ring, new EchoHandler());

        Assert.Equal(RingFault.RingOutsideMemory, worker.Worker.Start(enabled: true));

        ring.Publish();
        worker.Start();
    }

    [Fact]
    public void Every_page_that_is_written_is_in_the_dirty_log()
    {
        const ulong UsedAt = 0x30_0000;
        using var bitmap = new GuestLog(RingHarness.End);
        using var worker = new WorkerHarness(new EchoHandler { Holds = true });
        var log = Core.Memory.DirtyLog.TryMap(bitmap.Fd, bitmap.Size, bitmap.Offset, out _);
        worker.Ring.Publish(log, logsWrites: true);
        worker.Worker.SetAddresses(worker.Ring.Addresses with { LogsUsed = true, LogAddress = UsedAt });
        worker.Start();
        var snapshot = new MemorySnapshot(worker.Ring.Guest);

        var boundary = RingHarness.Adjacent + RingHarness.AdjacentSize;
        worker.Ring.Guest.Write(0x10_0000, 0x0123_4567_89ab_cdefL);
        Assert.True(worker.Queue.TryAdd([new GuestSegment(0x10_0000, 8)], [new GuestSegment(0x20_0ffe, 4), new GuestSegment(boundary - 2, 4)], 0, out _));
        worker.Queue.PublishAndNotify();
        Assert.True(worker.Handler.WaitHeld(1));
        worker.Handler.Release();
        _ = worker.Take();
        worker.Worker.RequestStop();
        Assert.True(worker.WaitExited());

        // The ring's own pages are the driver's to write; of the device's used ring it was said to be at UsedAt.
        var ringPages = new[] { worker.Queue.DescriptorTable, worker.Queue.AvailableRing }.Select(address => address & ~0xfffUL).ToHashSet();
        var written = snapshot.ChangedPages().Where(page => page != worker.Queue.UsedRing && !ringPages.Contains(page) && page >= 0x20_0000);
        Assert.Equal([0x20_0000, 0x20_1000, boundary - 4096, boundary], written);
        Assert.Equal([0x20_0000, 0x20_1000, UsedAt, boundary - 4096, boundary], bitmap.DirtyPages());
    }

    [Fact]
    public void Requests_of_a_back_end_that_died_are_run_again_in_their_order()
    {
        const ushort Size = 16;
        var region = (byte*)NativeMemory.AlignedAlloc((nuint)InflightRecords.RegionBytes(Size), 64);
        InflightRecords.Clear(region, Size);
        var ring = new RingHarness(Size, eventIndex: true);
        var dead = new EchoHandler { Holds = true };
        using (var first = new WorkerHarness(ring, dead, inflight: new InflightRecords(region, Size), ownsRing: false).Start())
        {
            first.Offer(4);
            Assert.True(dead.WaitHeld(4));
            dead.ReleaseNewest();
            Assert.Equal(3, first.Take().Token);
            first.Kill();
        }
        var order = new List<long>();
        var handler = new EchoHandler { OnRequest = request => order.Add(*(long*)request.Readable.Vectors[0].Base) };
        using var second = new WorkerHarness(ring, handler, inflight: new InflightRecords(region, Size)).Start();

        Assert.Equal([0, 1, 2], Enumerable.Range(0, 3).Select(_ => second.Take().Token));
        second.Offer(1, 0x20_0000);
        Assert.Equal(0, second.Take().Token);

        Assert.Equal([1000, 1001, 1002, 1000], order);
        second.Worker.RequestStop();
        Assert.True(second.WaitExited());
        NativeMemory.AlignedFree(region);
    }

    [Fact]
    public void Call_descriptor_can_be_exchanged_under_load()
    {
        using var call = new NotificationFd();
        var stop = false;
        var signaller = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
                call.Signal();
        });
        signaller.Start();
        var bystander = EventFd.Create();
        for (var i = 0; i < 2000; i++)
        {
            Assert.Equal(0, call.Set(EventFd.Create()));
            Assert.Equal(0, call.Set(-1));
        }
        Volatile.Write(ref stop, true);
        signaller.Join();

        Assert.Equal(0ul, EventFd.Drain(bystander));
        var last = EventFd.Create();
        Assert.Equal(0, call.Set(Descriptors.Duplicate(last)));
        call.Signal();
        Assert.Equal(1ul, EventFd.Drain(last));
        _ = Descriptors.Close(last);
        _ = Descriptors.Close(bystander);
    }
}
