using VirtioFsStore.Driver.Fuse.Wire;
using VirtioFsStore.Driver.Memory;
using VirtioFsStore.Driver.Queues;

namespace VirtioFsStore.Driver.Fuse;

/// <summary>
/// FUSE requests over one virtqueue: rent, fill, post (many), notify once, take what came back. Every reply is checked as
/// Linux checks it (fs/fuse/dev.c). Used by one thread at a time; nothing is allocated after construction.
/// </summary>
public sealed class FuseQueue
{
    /// <summary>The largest error Linux takes in a reply (fs/fuse/dev.c).</summary>
    const int MaxError = 512;

    readonly SplitQueue _queue;
    readonly FuseRequest[] _requests;
    readonly FuseRequest[] _idle;
    readonly GuestSegment[] _readable;
    readonly GuestSegment[] _writable;
    int _idleCount;
    ulong _nextUnique = 2;

    /// <param name="memory">The guest's memory.</param>
    /// <param name="queue">The virtqueue.</param>
    /// <param name="depth">Requests that can be outstanding.</param>
    /// <param name="dataCapacity">The most data one READ or WRITE carries, in bytes.</param>
    public FuseQueue(GuestMemory memory, SplitQueue queue, int depth, int dataCapacity)
    {
        _queue = queue;
        DataCapacity = dataCapacity;
        _requests = new FuseRequest[depth];
        _idle = new FuseRequest[depth];
        for (var i = 0; i < depth; i++)
            _requests[i] = new FuseRequest(memory, i, RequestOverhead + dataCapacity, ReplyOverhead + dataCapacity);
        _readable = new GuestSegment[queue.Size];
        _writable = new GuestSegment[queue.Size];
        Reclaim();
    }

    /// <summary>Room for the largest request without data: RENAME2 with two names of 255 bytes, SYMLINK with a target of 4095.</summary>
    public const int RequestOverhead = 4096 + 1024;

    public const int ReplyOverhead = 4096;

    /// <summary>Guest memory that one queue's requests take.</summary>
    public static ulong MemoryNeeded(int depth, int dataCapacity) => (ulong)depth * (ulong)(RequestOverhead + ReplyOverhead + 2 * dataCapacity + 16);

    public SplitQueue Queue => _queue;

    public ChainShape Shape { get; set; } = ChainShape.HeaderApart;

    public int Depth => _requests.Length;

    /// <summary>The most data one READ or WRITE carries.</summary>
    public int DataCapacity { get; }

    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Uniques step by 2, as Linux's do: bit 0 marks an interrupt.</summary>
    public ulong NextUnique => _nextUnique;

    /// <summary>An idle request.</summary>
    public FuseRequest Rent() =>
        _idleCount > 0 ? _idle[--_idleCount] : throw new InvalidOperationException($"All {_requests.Length} requests of queue {_queue.Index} are in use.");

    public void Return(FuseRequest request)
    {
        if (request.IsPosted)
            throw new InvalidOperationException("The request is in the queue.");
        _idle[_idleCount++] = request;
    }

    /// <summary>Puts a request into the ring; the device sees it at <see cref="Notify"/>.</summary>
    public void Post(FuseRequest request)
    {
        Seal(request);
        PostAsIs(request);
    }

    /// <summary>Gives a request its unique and its header's length. <see cref="Post"/> does it; before <see cref="PostAsIs"/> it lets a test change what it wrote.</summary>
    public void Seal(FuseRequest request)
    {
        request.Seal(_nextUnique);
        _nextUnique += 2;
    }

    /// <summary>Puts a request into the ring with the header it has.</summary>
    public void PostAsIs(FuseRequest request)
    {
        var readable = Shape.Split(
            new GuestSegment(request.RequestAddress, (uint)request.RequestLength), FuseRequest.HeaderSize, _readable);
        var writable = Shape.Split(
            new GuestSegment(request.ReplyAddress, (uint)request.ReplyRoom), FuseRequest.ReplyHeaderSize, _writable);
        if (!_queue.TryAdd(_readable.AsSpan(0, readable), _writable.AsSpan(0, writable), request.Slot, out _))
            throw new InvalidOperationException($"Queue {_queue.Index} has {_queue.FreeDescriptors} free descriptors; {readable + writable} are needed.");
        request.IsDone = false;
        request.IsPosted = true;
    }

    /// <summary>Puts a request into the ring whose parts lie where the caller says.</summary>
    public void PostAt(FuseRequest request, ReadOnlySpan<GuestSegment> readable, ReadOnlySpan<GuestSegment> writable)
    {
        Seal(request);
        if (!_queue.TryAdd(readable, writable, request.Slot, out _))
            throw new InvalidOperationException($"Queue {_queue.Index} has {_queue.FreeDescriptors} free descriptors; {readable.Length + writable.Length} are needed.");
        request.IsDone = false;
        request.IsPosted = true;
    }

    public void Notify() => _queue.PublishAndNotify();

    /// <summary>The next request that came back, or null.</summary>
    public FuseRequest? Poll()
    {
        if (!_queue.TryTake(out var entry))
            return null;
        var request = _requests[entry.Token];
        request.IsPosted = false;
        request.IsDone = true;
        request.ReplyLength = (int)entry.Length;
        if (entry.Length > request.ReplyRoom)
            throw new FuseProtocolException($"The device says it wrote {entry.Length} bytes into {request.ReplyRoom}.");
        return request;
    }

    /// <summary>Waits for the next request to come back.</summary>
    /// <exception cref="TimeoutException">None came in time.</exception>
    public FuseRequest Wait()
    {
        while (true)
        {
            if (Poll() is { } request)
                return request;
            if (!_queue.WaitUsed(Timeout))
                throw new TimeoutException($"No reply on queue {_queue.Index} within {Timeout.TotalSeconds} s; {_queue.Outstanding} outstanding.");
        }
    }

    /// <summary>Waits for one request; others that come back meanwhile are marked done.</summary>
    public void WaitFor(FuseRequest request)
    {
        while (!request.IsDone)
            _ = Wait();
    }

    /// <summary>Posts, notifies, waits and checks the reply.</summary>
    public void Call(FuseRequest request)
    {
        Post(request);
        Notify();
        WaitFor(request);
        Check(request);
    }

    /// <summary>Checks what Linux checks before it believes a reply.</summary>
    public static void Check(FuseRequest request)
    {
        if (request.ReplyRoom == 0)
        {
            if (request.ReplyLength != 0)
                throw new FuseProtocolException($"A request without a reply was answered by {request.ReplyLength} bytes.");
            return;
        }
        if (request.ReplyLength < FuseRequest.ReplyHeaderSize)
            throw new FuseProtocolException($"The reply has {request.ReplyLength} bytes; its header alone has 16.");
        ref readonly var header = ref request.Header;
        if (header.Length != request.ReplyLength)
            throw new FuseProtocolException($"The reply's header says {header.Length} bytes; the device wrote {request.ReplyLength}.");
        if (header.Unique != request.Unique)
            throw new FuseProtocolException($"The reply is for request {header.Unique}, not {request.Unique}.");
        if (header.Error is > 0 or <= -MaxError)
            throw new FuseProtocolException($"The reply's error is {header.Error}.");
        if (header.Error != 0 && header.Length != FuseRequest.ReplyHeaderSize)
            throw new FuseProtocolException($"The reply is an error ({header.Error}) with {header.Length - FuseRequest.ReplyHeaderSize} bytes of body.");
    }

    /// <summary>After a device reset: nothing is outstanding.</summary>
    public void Reclaim()
    {
        _idleCount = 0;
        foreach (var request in _requests)
        {
            request.IsPosted = false;
            _idle[_idleCount++] = request;
        }
    }
}
