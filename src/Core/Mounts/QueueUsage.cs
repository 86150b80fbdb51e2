using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Mounts;

/// <summary>What one queue has under way and has done in a mount, on cache lines of its own.</summary>
sealed class QueueUsage
{
    /// <summary>FUSE's operations, by number; the last counts unknown ones.</summary>
    public const int Operations = 64;

    /// <summary>Of <see cref="MountStatistics.ReadSizes"/>.</summary>
    public const int ReadSizes = 8;

    // The runtime orders a class's fields as it likes; those of a blittable struct stay where they are.
    Padded _counts;

    /// <summary>Requests that were let in and are not finished. Never negative: a request ends on the counter it began on.</summary>
    public ref int InFlight => ref _counts.InFlight;

    /// <summary>Opened less closed through this queue: another may close what this one opened, so only the sum of all queues means anything.</summary>
    public ref long Handles => ref _counts.Handles;

    /// <summary>Written by the queue's own thread only.</summary>
    public ulong[] Requests { get; } = new ulong[Operations];

    public ulong[] Errors { get; } = new ulong[Operations];

    public ulong[] Reads { get; } = new ulong[ReadSizes];

    public ref ulong BytesRead => ref _counts.BytesRead;

    [StructLayout(LayoutKind.Explicit, Size = 192)]
    struct Padded
    {
        [FieldOffset(64)]
        public int InFlight;

        [FieldOffset(72)]
        public long Handles;

        [FieldOffset(80)]
        public ulong BytesRead;
    }
}
