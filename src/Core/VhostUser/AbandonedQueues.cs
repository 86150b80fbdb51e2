using System.Diagnostics;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Virtqueues;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>
/// Queues that were taken from their workers because these did not end in time. Each lives until the last of its requests is
/// finished; the guest memory that those point into stays mapped so long. Used by the connection's thread.
/// </summary>
sealed class AbandonedQueues(GuestMemoryTable memory) : IDisposable
{
    readonly List<(QueueWorker Worker, RequestPool Pool)> _queues = [];
    readonly int _wake = SystemCallException.ThrowIfError(EventFd.Create(), "eventfd");

    public bool IsEmpty => _queues.Count == 0;

    /// <summary>Readable when a queue may have ended.</summary>
    public int WakeFd => _wake;

    public void Add(QueueWorker worker, RequestPool pool) => _queues.Add((worker, pool));

    /// <summary>From a worker's thread, at its end.</summary>
    public void OnWorkerExit() => _ = EventFd.Signal(_wake);

    /// <summary>Waits for the end of a queue that was not given up.</summary>
    /// <param name="worker">Calls <see cref="OnWorkerExit"/>.</param>
    /// <param name="stopFd">Ends the wait when it is readable.</param>
    /// <param name="limit">How long; may be infinite.</param>
    /// <param name="isStopping">It was readable before the queue had ended.</param>
    /// <returns>False: it has not ended.</returns>
    public bool WaitForEnd(QueueWorker worker, int stopFd, TimeSpan limit, out bool isStopping)
    {
        Span<PollEntry> entries = [new PollEntry(stopFd, Polling.POLLIN), new PollEntry(_wake, Polling.POLLIN)];
        var since = Stopwatch.GetTimestamp();
        isStopping = false;
        try
        {
            while (!worker.HasEnded)
            {
                var left = limit == Timeout.InfiniteTimeSpan ? -1 : Math.Clamp(Math.Ceiling((limit - Stopwatch.GetElapsedTime(since)).TotalMilliseconds), 0, int.MaxValue);
                if (SystemCallException.ThrowIfError(Polling.Poll(entries, (int)left), "poll") == 0)
                    return worker.HasEnded;
                isStopping = entries[0].Returned != 0;
                if (isStopping)
                    return worker.HasEnded;
                _ = EventFd.Drain(_wake);
            }
            return true;
        }
        finally
        {
            // It may have been another queue's end.
            OnWorkerExit();
        }
    }

    /// <summary>Releases those that have ended.</summary>
    public void Reap()
    {
        _ = EventFd.Drain(_wake);
        for (var i = _queues.Count - 1; i >= 0; i--)
        {
            var (worker, pool) = _queues[i];
            if (!worker.HasEnded)
                continue;
            memory.RemoveReader(worker.Reader);
            worker.Dispose();
            pool.Dispose();
            _queues.RemoveAt(i);
        }
        memory.Collect();
    }

    /// <summary>Where queues are left, their threads may still signal: the eventfd is theirs then.</summary>
    public void Dispose()
    {
        Reap();
        if (IsEmpty)
            _ = Descriptors.Close(_wake);
    }
}
