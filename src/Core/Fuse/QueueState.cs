using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse;

/// <summary>What a session keeps per queue, on cache lines of its own, so that queues do not slow each other down.</summary>
[StructLayout(LayoutKind.Sequential)]
sealed class QueueState
{
    readonly CacheLine _before;

    /// <summary>Requests that were taken and have not been answered.</summary>
    int _inFlight;

    readonly CacheLine _after;

    /// <summary>Requests by opcode, written by the queue's own thread only; the last counts unknown opcodes.</summary>
    public ulong[] Counts { get; } = new ulong[RequestStatistics.Kinds];

    public int InFlight => Volatile.Read(ref _inFlight);

    public void Enter() => Interlocked.Increment(ref _inFlight);

    public void Exit() => Interlocked.Decrement(ref _inFlight);

    [StructLayout(LayoutKind.Sequential, Size = 64)]
    struct CacheLine;
}
