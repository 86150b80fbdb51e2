using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using VirtioFsStore.Driver.Memory;
using VirtioFsStore.Driver.Queues;

namespace VirtioFsStore.Benchmarks.Load;

/// <summary>Sends FORGET on the hiprio queue without waiting for it, as Linux does. Shared by all generators of a machine.</summary>
sealed unsafe class ForgetQueue
{
    const int Room = 64;

    static readonly int s_length = FuseRequest.HeaderSize + Unsafe.SizeOf<FuseForgetIn>();

    readonly Lock _lock = new();
    readonly SplitQueue _queue;
    readonly GuestMemory _memory;
    readonly ulong _buffers;
    readonly Stack<int> _idle;
    ulong _nextUnique = 1UL << 32;

    public ForgetQueue(SplitQueue queue, GuestMemory memory)
    {
        _queue = queue;
        _memory = memory;
        _buffers = memory.Allocate((ulong)(queue.Size * Room), Room);
        _idle = new Stack<int>(Enumerable.Range(0, queue.Size));
    }

    /// <summary>Gives one lookup of a node back.</summary>
    public void Forget(ulong node)
    {
        lock (_lock)
        {
            Reclaim();
            while (_idle.Count == 0)
            {
                if (!_queue.WaitUsed(TimeSpan.FromSeconds(30)))
                    throw new TimeoutException("FORGET is not taken from the hiprio queue.");
                Reclaim();
            }
            Send(_idle.Pop(), node);
        }
    }

    /// <summary>Returns when the device has taken all.</summary>
    public void Drain()
    {
        lock (_lock)
        {
            while (_queue.Outstanding > 0)
            {
                Reclaim();
                if (_queue.Outstanding > 0 && !_queue.WaitUsed(TimeSpan.FromSeconds(30)))
                    throw new TimeoutException("FORGET is not taken from the hiprio queue.");
            }
        }
    }

    void Reclaim()
    {
        while (_queue.TryTake(out var entry))
            _idle.Push(entry.Token);
    }

    void Send(int slot, ulong node)
    {
        var address = _buffers + (ulong)(slot * Room);
        var bytes = _memory.Span(address, s_length);
        MemoryMarshal.Write(bytes, new FuseInHeader { Length = (uint)s_length, Opcode = (uint)FuseOpcode.Forget, NodeId = node, Unique = _nextUnique });
        MemoryMarshal.Write(bytes[FuseRequest.HeaderSize..], new FuseForgetIn { Nlookup = 1 });
        _nextUnique += 2;
        if (!_queue.TryAdd([new GuestSegment(address, (uint)s_length)], [], slot, out _))
            throw new InvalidOperationException("The hiprio queue is full.");
        _queue.PublishAndNotify();
    }
}
