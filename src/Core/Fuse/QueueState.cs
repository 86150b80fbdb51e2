using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Fuse;

/// <summary>What a session keeps per queue, on cache lines of its own, so that queues do not slow each other down.</summary>
sealed class QueueState(int index)
{
    // The runtime orders a class's fields as it likes; those of a blittable struct stay where they are.
    PaddedCounter _inFlight;

    public int Index => index;

    /// <summary>Requests by opcode, written by the queue's own thread only; the last counts unknown opcodes.</summary>
    public ulong[] Counts { get; } = new ulong[RequestStatistics.Kinds];

    /// <summary>Requests that were taken and have not been answered.</summary>
    public int InFlight => Volatile.Read(ref _inFlight.Value);

    public void Enter() => Interlocked.Increment(ref _inFlight.Value);

    public void Exit() => Interlocked.Decrement(ref _inFlight.Value);

    [StructLayout(LayoutKind.Explicit, Size = 128)]
    struct PaddedCounter
    {
        [FieldOffset(64)]
        public int Value;
    }
}
