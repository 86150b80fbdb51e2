using System.Diagnostics;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;

namespace VirtioFsStore.Core.Virtqueues;

/// <summary>The request path: one batch from the available ring to the used ring. Nothing here allocates once the pool is warm.</summary>
sealed partial class QueueWorker
{
    /// <summary>
    /// Takes requests, runs them, shows the driver what is done and notifies it if it asks. True: there is more to do; false:
    /// the thread may sleep, and is kicked when there is.
    /// </summary>
    bool RunBatch()
    {
        var memory = _reader.Enter();
        if (!_gate.TryEnter())
        {
            _reader.Leave();
            return false;
        }
        Attach(memory);
        var started = Stopwatch.GetTimestamp();
        var taken = 0;
        bool more;
        while (true)
        {
            PutCompleted(memory);
            more = taken == MaxBatch || (taken != 0 && Stopwatch.GetTimestamp() - started > s_maxBatchTicks);
            if (more || !TryTake(memory, out var request))
                break;
            _gate.Leave();
            taken++;
            var finished = _handler.Handle(request.Request);
            if (!finished)
            {
                // Its memory is still held by this batch; from now on by the request, whoever has finished it meanwhile.
                request.Pin();
                _outstanding++;
            }
            if (!_gate.TryEnter())
            {
                if (finished)
                    _pool.Return(request);
                _reader.Leave();
                return false;
            }
            if (finished)
            {
                PutUsed(memory, request);
                _pool.Return(request);
            }
        }
        // Inside the gate, so that nobody is notified by a queue that was taken away.
        if (Publish())
            _call.Signal();
        if (!more && !_broken)
            more = _ring.EnableKicks() && CanTake;
        _gate.Leave();
        _reader.Leave();
        ReportFault();
        return more;
    }

    bool CanTake => _enabled && !_stopping && !_broken;

    void Attach(GuestMemory memory)
    {
        if (_broken)
            return;
        if (!_ring.Attach(memory, Volatile.Read(ref _addresses).Value))
            Break(RingFault.RingOutsideMemory);
        else
            _ring.DisableKicks();
    }

    bool TryTake(GuestMemory memory, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out QueuedRequest? request)
    {
        request = null;
        if (!CanTake)
            return false;
        var again = _resubmitted < _resubmit.Length;
        ushort head;
        if (again)
            head = _resubmit[_resubmitted++];
        else if (!_ring.TryTake(out head, out var ringFault))
            return ringFault != RingFault.None && Break(ringFault);
        // A driver has no more requests than descriptors; one that names heads again and again would fill this process's memory.
        if (_outstanding + _ring.Unpublished >= _ring.Size)
            return Break(RingFault.TooManyInFlight);
        request = _pool.Rent(this);
        var fault = _chains.Read(memory, _ring, head, request);
        if (fault != RingFault.None)
        {
            _pool.Return(request);
            request = null;
            return Break(fault);
        }
        if (!again)
            _setup.Inflight?.Begin(head);
        return true;
    }

    void PutCompleted(GuestMemory memory)
    {
        for (var request = _completed.TakeAll(); request is not null;)
        {
            var next = request.Next;
            if (!_broken)
                PutUsed(memory, request);
            Forget(request);
            request = next;
        }
    }

    void PutUsed(GuestMemory memory, QueuedRequest request)
    {
        if (memory.LogsWrites && memory.Log is { } log)
            request.LogWrites(log);
        // More than there is room for would be an error of the handler's; the driver must not be told so.
        _ring.PutUsed(request.Head, Math.Min((uint)Math.Max(0, request.Request.BytesWritten), request.WritableLength));
        _setup.Inflight?.PutUsed(request.Head);
    }

    bool Publish()
    {
        if (_ring.Unpublished == 0)
            return false;
        var notify = _ring.Publish();
        _setup.Inflight?.Published(_ring.PublishedUsed);
        return notify;
    }

    void Forget(QueuedRequest request)
    {
        _outstanding--;
        if (request.Unpin())
            _reader.OnUnpinned();
        _pool.Return(request);
    }

    /// <summary>Inside the gate: stops the queue for good. Answers false, for its callers to return.</summary>
    bool Break(RingFault fault)
    {
        _broken = true;
        _unreported = fault;
        _error.Signal();
        return false;
    }

    /// <summary>The one line about it. Outside the gate: a log can block.</summary>
    void ReportFault()
    {
        if (_unreported == RingFault.None)
            return;
        Log.QueueBroken(_logger, _setup.Index, _unreported.Describe());
        _unreported = RingFault.None;
    }
}
