using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.Virtqueues;

/// <summary>
/// A call or error eventfd of the VMM under a number that stays the same while the queue lives, so that it can be exchanged
/// while the queue's thread signals it: a number that was closed and opened anew as something else is never written to.
/// </summary>
sealed class NotificationFd : IDisposable
{
    readonly int _silent = SystemCallException.ThrowIfError(EventFd.Create(), "eventfd");
    readonly int _fd;

    public NotificationFd()
    {
        _fd = Descriptors.Duplicate(_silent);
        if (_fd >= 0)
            return;
        _ = Descriptors.Close(_silent);
        throw new SystemCallException(_fd.ToErrno(), "fcntl", null);
    }

    /// <summary>Takes over <paramref name="fd"/> and closes it; −1: nobody is to be notified. 0 or −errno.</summary>
    public int Set(int fd)
    {
        if (fd < 0)
            return Math.Min(0, Descriptors.Replace(_silent, _fd));
        // A full counter must not hold up the queue; the other end reads it however it likes.
        _ = Descriptors.SetNonBlocking(fd);
        var result = Descriptors.Replace(fd, _fd);
        _ = Descriptors.Close(fd);
        return Math.Min(0, result);
    }

    public void Signal() => _ = EventFd.Signal(_fd);

    public void Dispose()
    {
        _ = Descriptors.Close(_fd);
        _ = Descriptors.Close(_silent);
    }
}
