using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Virtqueues;
using VirtioFsStore.Driver.Memory;
using VirtioFsStore.Driver.Queues;

namespace VirtioFsStore.Core.Tests.Virtqueues;

/// <summary>A worker on a ring, with the handler of the test's choice.</summary>
sealed class WorkerHarness : IDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    readonly NotificationFd _call = new();
    readonly NotificationFd _error = new();
    readonly RequestPool _pool;
    readonly bool _ownsRing;
    readonly ManualResetEventSlim _exited = new();

    public WorkerHarness(EchoHandler handler, ushort size = 16, bool eventIndex = true)
        : this(new RingHarness(size, eventIndex: eventIndex), handler, eventIndex)
    {
    }

    public WorkerHarness(RingHarness ring, EchoHandler handler, bool eventIndex = true, InflightRecords? inflight = null, bool ownsRing = true)
    {
        _ownsRing = ownsRing;
        Ring = ring;
        Handler = handler;
        _pool = new RequestPool(1, handler);
        if (_call.Set(Descriptors.Duplicate(Queue.Call.Fd)) < 0 || _error.Set(Descriptors.Duplicate(Queue.Error.Fd)) < 0)
            throw new InvalidOperationException("dup3");
        var setup = new QueueSetup
        {
            Index = 1,
            Size = Queue.Size,
            Addresses = ring.Addresses,
            Indirect = true,
            EventIndex = eventIndex,
            Inflight = inflight,
        };
        Worker = new QueueWorker(setup, ring.Table.AddReader(), _pool, handler, _call, _error, NullLogger.Instance, _exited.Set);
        SystemCallException.ThrowIfError(Worker.AddKick(Queue.Kick.Fd), "epoll_ctl");
    }

    public RingHarness Ring { get; }

    public EchoHandler Handler { get; }

    public QueueWorker Worker { get; }

    public SplitQueue Queue => Ring.Queue;

    public WorkerHarness Start(bool enabled = true)
    {
        var fault = Worker.Start(enabled);
        return fault == RingFault.None ? this : throw new InvalidOperationException(fault.Describe());
    }

    /// <summary>Offers <paramref name="count"/> requests of 8 bytes with room for as many, in one go.</summary>
    public void Offer(int count, ulong buffer = 0x10_0000)
    {
        for (var i = 0; i < count; i++)
        {
            Ring.Guest.Write(buffer + ((ulong)i * 64), 1000L + i);
            if (!Queue.TryAdd([new GuestSegment(buffer + ((ulong)i * 64), 8)], [new GuestSegment(buffer + ((ulong)i * 64) + 8192, 8)], i, out _))
                throw new InvalidOperationException("The queue is full.");
        }
        Queue.PublishAndNotify();
    }

    /// <summary>The next request that was answered.</summary>
    public UsedEntry Take()
    {
        UsedEntry entry;
        while (!Queue.TryTake(out entry))
        {
            if (!Queue.WaitUsed(Patience))
                throw new TimeoutException("No request was answered.");
        }
        return entry;
    }

    /// <summary>Takes the ring away in the middle of everything: what another process sees when this one dies.</summary>
    public void Kill()
    {
        Worker.RequestStop();
        Worker.Abandon();
    }

    public bool WaitExited() => _exited.Wait(Patience);

    /// <summary>Stops the worker if it runs; a test that abandoned it has let it end before.</summary>
    public void Dispose()
    {
        Worker.RequestStop();
        Handler.Release();
        if (!_exited.IsSet && !WaitExited())
            throw new TimeoutException("The worker did not end.");
        _ = Worker.HasEnded;
        Ring.Table.RemoveReader(Worker.Reader);
        Worker.Dispose();
        _pool.Dispose();
        _call.Dispose();
        _error.Dispose();
        if (_ownsRing)
            Ring.Dispose();
        _exited.Dispose();
    }
}
