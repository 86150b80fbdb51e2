using VirtioFsStore.Core.Memory;

namespace VirtioFsStore.Core.Transport;

/// <summary>
/// One request as a transport hands it over: bytes to read, room for the reply, and a completion that happens exactly
/// once. Made by the handler (which adds what it needs to remember), pooled and owned by a queue of the transport.
/// </summary>
public abstract class TransportRequest : IDisposable
{
    /// <summary>What the peer wrote: for FUSE, a header and its body.</summary>
    public IoBuffers Readable { get; } = new();

    /// <summary>Where the reply goes. What the handler writes it also counts in <see cref="BytesWritten"/>.</summary>
    public IoBuffers Writable { get; } = new();

    /// <summary>
    /// How many bytes of <see cref="Readable"/>, from its beginning, may be touched; what follows lies in a file that others can cut short (DAX),
    /// and only system calls may read it, which answer EFAULT.
    /// </summary>
    internal long TouchableReadable { get; set; } = long.MaxValue;

    /// <summary>As <see cref="TouchableReadable"/>, of <see cref="Writable"/> as it was handed over.</summary>
    internal long TouchableWritable { get; set; } = long.MaxValue;

    /// <summary>Bytes of <see cref="Writable"/> that hold the reply; 0 when the request has none (FUSE_FORGET).</summary>
    public int BytesWritten { get; set; }

    /// <summary>The queue's number in its device (virtio-fs: 0 is hiprio).</summary>
    public int QueueIndex { get; internal set; }

    /// <summary>What the owning queue keeps about this request (virtqueue: the head and the guest's addresses).</summary>
    internal object? TransportState { get; set; }

    internal ICompletionTarget? Target { get; set; }

    /// <summary>The queue was taken away while this request waited: a reply that is not yet begun is not to be written.</summary>
    internal bool IsRevoked => Target is { IsRevoked: true };

    /// <summary>
    /// Ends a request for which <see cref="IRequestHandler.Handle"/> answered false. From any thread, once; the object
    /// belongs to the queue again as soon as this is called.
    /// </summary>
    public void Complete() => Target!.OnCompleted(this);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        Readable.Dispose();
        Writable.Dispose();
    }
}
