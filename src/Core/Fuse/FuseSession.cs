using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Dax;
using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.Fuse;

/// <summary>
/// A FUSE session over any transport: INIT, what it agreed on, and the requests that are under way. It outlives a
/// connection of its transport, until INIT comes again or the device is reset.
/// </summary>
public sealed partial class FuseSession : IRequestHandler
{
    readonly Router _router;
    readonly SessionOptions _options;
    readonly ILogger _logger;
    readonly Dispatcher _dispatcher;
    readonly WaitingRequests _waiting = new();
    readonly SessionWindow _window;
    readonly Lock _queuesLock = new();
    volatile QueueState[] _queues = [];
    volatile NegotiatedSession? _negotiated;

    // A peer may go on here with a session that another daemon served: see Resume. Over as soon as a session begins or ends here.
    volatile bool _resumable = true;

    // Lookups and handles may exist: set by the first INIT, cleared by a reset.
    bool _used;

    public FuseSession(Router router, SessionOptions options, ILogger logger)
    {
        _router = router;
        _options = options;
        _logger = logger;
        _window = new SessionWindow(logger);
        _dispatcher = new Dispatcher(router, options, _waiting, _window, logger);
        router.Closing = _window.DropAsync;
    }

    /// <inheritdoc/>
    public bool Replayable => IsImmutable;

    /// <summary>One immutable file system is the whole session: a pseudo root may get a mutable mount at any time.</summary>
    bool IsImmutable => _router.IsSingle && (_router.CommonTraits & FileSystemTraits.Immutable) != 0;

    /// <summary>Whether INIT has been answered and neither DESTROY nor a reset has followed.</summary>
    public bool IsInitialised => _negotiated is not null;

    /// <summary>What is mapped into the guest's window.</summary>
    public WindowCounts Window => _window.Counts;

    /// <summary>Requests served so far; counting goes on meanwhile.</summary>
    public RequestStatistics Statistics
    {
        get
        {
            var sum = new ulong[RequestStatistics.Kinds];
            foreach (var queue in _queues)
            {
                for (var kind = 0; kind < sum.Length; kind++)
                    sum[kind] += Volatile.Read(ref queue.Counts[kind]);
            }
            return new RequestStatistics(sum);
        }
    }

    /// <inheritdoc/>
    public TransportRequest CreateRequest(int queueIndex) => new FuseRequest(QueueOf(queueIndex), _options.IoTimeout);

    /// <inheritdoc/>
    public bool Handle(TransportRequest request)
    {
        var fuse = (FuseRequest)request;
        var queue = fuse.Queue;
        queue.Enter();
        bool finished;
        try
        {
            var error = fuse.Receive();
            queue.Counts[RequestStatistics.IndexOf(fuse.Header.Opcode)]++;
            finished = error != Errno.None ? Refuse(fuse, error) : Route(fuse);
        }
        catch (Exception exception)
        {
            Log.RequestFailed(_logger, exception, fuse.Opcode, fuse.Header.NodeId);
            finished = fuse.Reply(Errno.EIO);
        }
        if (finished)
            fuse.End();
        return finished;
    }

    /// <inheritdoc/>
    public void CancelWaiting() => _waiting.CancelAll();

    /// <inheritdoc/>
    public void AttachWindow(IWindowFrontend window) => _window.Attach(window, IsImmutable);

    /// <inheritdoc/>
    public void DetachWindow() => _window.Detach();

    /// <inheritdoc/>
    public void Reset()
    {
        // Who resets a device or leaves has dropped what was mapped.
        _window.DropAll(tell: false);
        Forget();
    }

    /// <summary>Nothing of a session is left: no agreement, no node, no handle.</summary>
    void Forget()
    {
        _resumable = false;
        _negotiated = null;
        if (!_used)
            return;
        _used = false;
        _router.Reset();
    }

    /// <summary>A request that could not even be taken apart: answered where it wants an answer.</summary>
    static bool Refuse(FuseRequest request, Errno error) =>
        request.Opcode is Opcode.FUSE_FORGET or Opcode.FUSE_BATCH_FORGET or Opcode.FUSE_INTERRUPT ? request.NoReply() : request.Reply(error);

    bool Route(FuseRequest request)
    {
        switch (request.Opcode)
        {
            case Opcode.FUSE_INIT:
                return Initialise(request);
            case Opcode.FUSE_DESTROY:
                _resumable = false;
                _negotiated = null;
                // Linux does not take its mappings back one by one when it unmounts.
                _window.DropAll(tell: true);
                return request.Reply(Errno.None);
            case Opcode.FUSE_INTERRUPT:
                if (request.Read(out InterruptIn interrupt))
                    _waiting.Cancel(interrupt.Unique);
                return request.NoReply();
            default:
                return (_negotiated ?? Resume()) is { } session ? _dispatcher.Dispatch(request, session) : Refuse(request, Errno.EIO);
        }
    }

    /// <summary>Requests under way other than the one that asks.</summary>
    bool OthersInFlight()
    {
        var count = -1;
        foreach (var queue in _queues)
            count += queue.InFlight;
        return count > 0;
    }

    QueueState QueueOf(int index)
    {
        lock (_queuesLock)
        {
            _router.CoverQueues(index + 1);
            while (_queues.Length <= index)
                _queues = [.. _queues, new QueueState(_queues.Length)];
            return _queues[index];
        }
    }
}
