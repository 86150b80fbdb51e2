namespace VirtioFsStore.Core.Transport;

/// <summary>What a transport calls: the one seam between FUSE and the ways its requests arrive.</summary>
public interface IRequestHandler
{
    /// <summary>
    /// True while every request that may be outstanding can be run a second time with the same effect: vhost-user then
    /// offers INFLIGHT_SHMFD, so that a VMM can resume the session with another daemon.
    /// </summary>
    bool Replayable { get; }

    /// <summary>A new request object for a queue's pool.</summary>
    TransportRequest CreateRequest(int queueIndex);

    /// <summary>
    /// Runs a request on the calling (queue's) thread. True: it is finished and <see cref="TransportRequest.BytesWritten"/>
    /// holds. False: it waits for something and ends later by <see cref="TransportRequest.Complete"/>. Never throws.
    /// </summary>
    bool Handle(TransportRequest request);

    /// <summary>
    /// Nobody waits for the answers any more (the peer has gone, or the server stops): what outstanding requests wait for is
    /// cancelled, and they end soon. From any thread.
    /// </summary>
    void CancelWaiting();

    /// <summary>
    /// The device was reset, or its peer left for good: all state of the session (INIT, handles, lookups) is dropped. Called with
    /// no request outstanding.
    /// </summary>
    void Reset();

    /// <summary>The peer lends a window to map files into. No other one is attached, and no request was taken from this connection yet.</summary>
    void AttachWindow(IWindowFrontend window)
    {
    }

    /// <summary>The connection is at its end: the peer itself drops what it has mapped, and cannot be asked any more.</summary>
    void DetachWindow()
    {
    }
}
