using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Transport;
using VirtioFsStore.Core.Virtqueues;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>What a VMM has told about one queue, and the worker that runs it.</summary>
sealed class Vring : IDisposable
{
    readonly IRequestHandler _handler;

    public Vring(int index, IRequestHandler handler)
    {
        Index = index;
        _handler = handler;
        Pool = new RequestPool(index, handler);
        Call = new NotificationFd();
        try
        {
            Error = new NotificationFd();
        }
        catch
        {
            Call.Dispose();
            throw;
        }
    }

    public int Index { get; }

    /// <summary>0: not told yet.</summary>
    public ushort Size { get; set; }

    public RingAddresses? Addresses { get; set; }

    public ushort Base { get; set; }

    public bool IsEnabled { get; set; }

    /// <summary>The eventfd by which the guest's kicks arrive, −1 without one.</summary>
    public int KickFd { get; private set; } = -1;

    public NotificationFd Call { get; }

    public NotificationFd Error { get; }

    public RequestPool Pool { get; private set; }

    public QueueWorker? Worker { get; set; }

    public bool CanStart => Worker is null && IsEnabled && KickFd >= 0 && Size != 0 && Addresses is not null;

    /// <summary>Takes over <paramref name="fd"/> (−1: none). 0 or −errno.</summary>
    public int SetKick(int fd)
    {
        var result = 0;
        if (fd >= 0 && Worker is { } worker)
            result = worker.AddKick(fd);
        if (KickFd >= 0)
        {
            Worker?.RemoveKick(KickFd);
            _ = Descriptors.Close(KickFd);
        }
        KickFd = fd;
        return result;
    }

    /// <summary>Leaves the pool to a worker that did not end, and makes another.</summary>
    public RequestPool GiveUpPool()
    {
        var pool = Pool;
        Pool = new RequestPool(Index, _handler);
        return pool;
    }

    /// <summary>Only when no worker runs.</summary>
    public void Dispose()
    {
        _ = SetKick(-1);
        Call.Dispose();
        Error.Dispose();
        Pool.Dispose();
    }
}
