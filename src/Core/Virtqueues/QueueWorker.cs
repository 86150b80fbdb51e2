using System.Diagnostics;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.Virtqueues;

/// <summary>
/// One run of a queue, from its start until it is stopped: a thread of its own that takes requests from the ring, hands them
/// to the handler and is the only one that writes the used ring. Requests that wait come back through
/// <see cref="OnCompleted"/>. Commands come from the connection's thread.
/// </summary>
sealed partial class QueueWorker : ICompletionTarget, IDisposable
{
    /// <summary>Requests before the driver is shown what is done: bounds the delay of the first by the work of the others.</summary>
    const int MaxBatch = 32;

    /// <summary>The same bound in time, for requests that take long: about what waking a waiting driver costs.</summary>
    static readonly long s_maxBatchTicks = Stopwatch.Frequency / 20_000;

    readonly QueueSetup _setup;
    readonly MemoryReader _reader;
    readonly RequestPool _pool;
    readonly IRequestHandler _handler;
    readonly NotificationFd _call;
    readonly NotificationFd _error;
    readonly ILogger _logger;
    readonly Thread _thread;
    readonly SplitRing _ring;
    readonly ChainReader _chains;
    readonly CompletionList _completed = new();
    readonly ManualResetEventSlim _quiet = new();
    readonly int _wake;
    readonly int _epoll;
    readonly Action _onExit;
    RingGate _gate;
    AddressBox _addresses;
    ushort[] _resubmit = [];
    int _resubmitted;
    int _outstanding;
    int _sleeping;
    int _signalling;
    volatile bool _enabled;
    volatile bool _stopping;
    volatile bool _abandoned;
    volatile bool _ended;
    bool _broken;
    RingFault _unreported;

    /// <param name="pool">Belongs to this worker until its thread has ended.</param>
    /// <param name="onExit">Called by the thread as the last thing it does.</param>
    public QueueWorker(
        QueueSetup setup,
        MemoryReader reader,
        RequestPool pool,
        IRequestHandler handler,
        NotificationFd call,
        NotificationFd error,
        ILogger logger,
        Action onExit)
    {
        _onExit = onExit;
        _setup = setup;
        _reader = reader;
        _pool = pool;
        _handler = handler;
        _call = call;
        _error = error;
        _logger = logger;
        _addresses = new AddressBox(setup.Addresses);
        _ring = new SplitRing(setup.Size, setup.EventIndex);
        _chains = new ChainReader(setup.Size, setup.Indirect);
        _wake = SystemCallException.ThrowIfError(EventFd.Create(), "eventfd");
        _epoll = Polling.CreateEpoll();
        var watched = _epoll < 0 ? _epoll : Polling.AddEdgeTriggered(_epoll, _wake);
        if (watched < 0)
        {
            CloseDescriptors();
            throw new SystemCallException(watched.ToErrno(), "epoll", null);
        }
        _thread = new Thread(Run) { IsBackground = true, Name = $"queue {setup.Index}" };
    }

    public MemoryReader Reader => _reader;

    /// <summary>The available entry that would be taken next. Valid when the worker has ended or was abandoned.</summary>
    public ushort NextAvailable => _ring.NextAvailable;

    /// <summary>
    /// Looks at the ring and starts the thread. A fault: the ring is not where it was said to be, or the inflight records do
    /// not fit it; nothing was started then.
    /// </summary>
    public RingFault Start(bool enabled)
    {
        var memory = _reader.Enter();
        var fault = Prepare(memory);
        _reader.Leave();
        if (fault != RingFault.None)
            return fault;
        _enabled = enabled;
        Log.QueueStarted(_logger, _setup.Index, _setup.Size, _ring.NextAvailable, _resubmit.Length);
        _thread.Start();
        return RingFault.None;
    }

    /// <summary>Has a descriptor wake the thread. It stays the caller's, and open until <see cref="RemoveKick"/> or the end. 0 or −errno.</summary>
    public int AddKick(int fd) => Polling.AddEdgeTriggered(_epoll, fd);

    public void RemoveKick(int fd) => _ = Polling.Remove(_epoll, fd);

    /// <summary>Whether requests are taken from the ring.</summary>
    public void SetEnabled(bool enabled)
    {
        _enabled = enabled;
        _ = EventFd.Signal(_wake);
    }

    /// <summary>The same ring with or without its used part being logged.</summary>
    public void SetAddresses(in RingAddresses addresses)
    {
        Volatile.Write(ref _addresses, new AddressBox(addresses));
        _ = EventFd.Signal(_wake);
    }

    /// <summary>Takes no more requests, and ends when those in flight are finished. Does not wait.</summary>
    public void RequestStop()
    {
        _stopping = true;
        _ = EventFd.Signal(_wake);
    }

    /// <summary>After <see cref="RequestStop"/>: waits until no further request is handed to the handler. False: the time was over first.</summary>
    public bool WaitUntilQuiet(TimeSpan limit) => _quiet.Wait(limit);

    /// <summary>True when the thread does nothing any more.</summary>
    public bool HasEnded => _ended && _thread.Join(Timeout.Infinite);

    /// <summary>Waits for the end of the thread. False: the time was over first.</summary>
    public bool Join(TimeSpan limit) => _thread.Join(limit);

    /// <summary>
    /// Takes the ring and everything that notifies away from a worker that did not end: when this returns, its thread never
    /// touches the ring again. It lives on until the last of its requests is finished.
    /// </summary>
    public void Abandon()
    {
        _gate.Close();
        _abandoned = true;
        Log.QueueAbandoned(_logger, _setup.Index, Math.Max(1, Volatile.Read(ref _outstanding)));
        _ = EventFd.Signal(_wake);
    }

    /// <inheritdoc/>
    public bool IsRevoked => _abandoned;

    /// <inheritdoc/>
    public void OnCompleted(TransportRequest request)
    {
        // Counted before the request can be seen: the thread may take it, end, and have its descriptors closed before the signal is sent.
        Interlocked.Increment(ref _signalling);
        _completed.Add((QueuedRequest)request.TransportState!);
        // A full fence between both: either the thread sees the request before it sleeps, or this sees that it sleeps.
        if (Interlocked.Exchange(ref _sleeping, 0) == 1)
            _ = EventFd.Signal(_wake);
        Interlocked.Decrement(ref _signalling);
    }

    /// <summary>When the thread has ended, or was never started.</summary>
    public void Dispose()
    {
        var wait = new SpinWait();
        while (Volatile.Read(ref _signalling) != 0)
            wait.SpinOnce();
        _chains.Dispose();
        _quiet.Dispose();
        CloseDescriptors();
    }

    void CloseDescriptors()
    {
        if (_epoll >= 0)
            _ = Descriptors.Close(_epoll);
        _ = Descriptors.Close(_wake);
    }

    RingFault Prepare(GuestMemory memory)
    {
        if (!_ring.Attach(memory, _addresses.Value))
            return RingFault.RingOutsideMemory;
        _ring.Resume(_setup.Base);
        if (_setup.Inflight is not { } inflight)
            return RingFault.None;
        if (!inflight.TryRecover(_ring.PublishedUsed, out _resubmit))
            return RingFault.InflightRecords;
        // What was taken is what was used and what is in flight: right also where the VMM cannot know (its back end crashed).
        _ring.Resume((ushort)(_ring.PublishedUsed + _resubmit.Length));
        return RingFault.None;
    }

    void Run()
    {
        // The driver may have missed the last notification of the back end before this one.
        if (_ring.PublishedUsed != 0 && _gate.TryEnter())
        {
            _call.Signal();
            _gate.Leave();
        }
        while (!_abandoned)
        {
            var stopping = _stopping;
            var more = TryRunBatch();
            // A batch that began after the request to stop took nothing, and none will.
            if (stopping)
                _quiet.Set();
            if (stopping && _outstanding == 0)
                break;
            if (!more)
                Sleep();
        }
        DropOutstanding();
        Log.QueueEnded(_logger, _setup.Index, _ring.NextAvailable);
        _ended = true;
        _onExit();
    }

    bool TryRunBatch()
    {
        try
        {
            return RunBatch();
        }
        catch (Exception exception)
        {
            // Handlers never throw; whatever this is, it ends one queue and not the program.
            _broken = true;
            _gate.LeaveIfInside();
            _reader.Leave();
            Log.QueueFailed(_logger, _setup.Index, exception);
            if (_gate.TryEnter())
            {
                _error.Signal();
                _gate.Leave();
            }
            return false;
        }
    }

    void Sleep()
    {
        // A full fence, see OnCompleted.
        Interlocked.Exchange(ref _sleeping, 1);
        if (_completed.IsEmpty)
            _ = Polling.WaitForEdge(_epoll);
        Volatile.Write(ref _sleeping, 0);
    }

    /// <summary>After the ring was taken away: only lets go of what the requests hold.</summary>
    void DropOutstanding()
    {
        while (_outstanding > 0)
        {
            for (var request = _completed.TakeAll(); request is not null;)
            {
                var next = request.Next;
                Forget(request);
                request = next;
            }
            if (_outstanding > 0)
                Sleep();
        }
    }

    sealed class AddressBox(RingAddresses value)
    {
        public readonly RingAddresses Value = value;
    }
}
