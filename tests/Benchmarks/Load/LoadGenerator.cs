using System.Diagnostics;
using VirtioFsStore.Benchmarks.Interop;
using VirtioFsStore.Benchmarks.Measurement;
using VirtioFsStore.Driver.Memory;
using VirtioFsStore.Driver.Queues;

namespace VirtioFsStore.Benchmarks.Load;

/// <summary>
/// Keeps a number of requests outstanding on one queue, as Linux's driver would: a kick per submission unless EVENT_IDX spares
/// it, calls asked for only when there is nothing left to take. Allocates nothing while it runs.
/// </summary>
sealed class LoadGenerator(SplitQueue queue, GuestMemory memory, int depth, int dataCapacity)
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    readonly RequestSlot[] _slots = [.. Enumerable.Range(0, depth).Select(index => new RequestSlot(memory, index, dataCapacity))];

    // Above any that the mount's own requests had.
    ulong _nextUnique = 1UL << 32;

    public SplitQueue Queue => queue;

    /// <summary>Runs on the calling thread until the time is over and all is answered.</summary>
    /// <param name="workload">What to ask for.</param>
    /// <param name="depth">Requests outstanding.</param>
    /// <param name="duration">After it no operation begins.</param>
    /// <param name="latencies">Takes each operation's time.</param>
    public LoadResult Run(Workload workload, int depth, TimeSpan duration, LatencyHistogram latencies)
    {
        var (operations, requests) = (0L, 0L);
        var processorTime = Scheduling.ThreadTime();
        var end = Stopwatch.GetTimestamp() + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        for (var i = 0; i < depth; i++)
            Start(workload, _slots[i]);
        while (queue.Outstanding > 0)
        {
            if (!queue.TryTake(out var entry))
            {
                if (!queue.WaitUsed(s_patience))
                    throw new TimeoutException($"No reply on queue {queue.Index} within {s_patience.TotalSeconds} s; {queue.Outstanding} outstanding.");
                continue;
            }
            var slot = _slots[entry.Token];
            requests++;
            if (!workload.Continue(slot, slot.Check(entry.Length)))
            {
                Post(slot);
                continue;
            }
            var now = Stopwatch.GetTimestamp();
            latencies.Add(now - slot.Started);
            operations++;
            if (now < end)
                Start(workload, slot);
        }
        return new LoadResult(operations, requests, Scheduling.ThreadTime() - processorTime);
    }

    void Start(Workload workload, RequestSlot slot)
    {
        slot.Step = 0;
        workload.Start(slot);
        slot.Started = Stopwatch.GetTimestamp();
        Post(slot);
    }

    void Post(RequestSlot slot)
    {
        slot.Seal(_nextUnique);
        _nextUnique += 2;
        if (!queue.TryAdd(slot.Readable, slot.Writable, slot.Index, out _))
            throw new InvalidOperationException($"Queue {queue.Index} of {queue.Size} is full.");
        queue.PublishAndNotify();
    }
}
