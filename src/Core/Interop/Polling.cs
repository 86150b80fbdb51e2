using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>poll(2) and epoll(7). Results: a count or a descriptor, or −errno.</summary>
public static unsafe partial class Polling
{
    public const short POLLIN = 0x1;
    public const short POLLOUT = 0x4;
    public const short POLLERR = 0x8;
    public const short POLLHUP = 0x10;
    public const short POLLNVAL = 0x20;

    const uint EPOLLIN = 0x1;
    const uint EPOLLET = 1u << 31;
    const int EPOLL_CLOEXEC = 0x80000;
    const int EPOLL_CTL_ADD = 1;
    const int EPOLL_CTL_DEL = 2;

    /// <summary>Room for one struct epoll_event: 12 bytes on x64, where it is packed, 16 elsewhere.</summary>
    const int EventSize = 16;

    /// <summary>Waits until one of <paramref name="entries"/> is ready. Answers how many are, 0 after the time is over (-1: no limit).</summary>
    public static int Poll(Span<PollEntry> entries, int milliseconds)
    {
        fixed (PollEntry* first = entries)
        {
            var end = milliseconds < 0 ? 0 : Environment.TickCount64 + milliseconds;
            while (true)
            {
                var result = LastError.Or(poll(first, (nuint)entries.Length, milliseconds));
                if (result != -(int)Errno.EINTR)
                    return result;
                if (milliseconds >= 0)
                    milliseconds = (int)Math.Max(0, end - Environment.TickCount64);
            }
        }
    }

    public static int CreateEpoll() => LastError.Or(epoll_create1(EPOLL_CLOEXEC));

    /// <summary>
    /// Adds a descriptor, edge-triggered: each write to an eventfd is reported once, and its counter need not be read.
    /// What is ready already is reported too.
    /// </summary>
    public static int AddEdgeTriggered(int epoll, int fd)
    {
        var entry = stackalloc byte[EventSize];
        new Span<byte>(entry, EventSize).Clear();
        *(uint*)entry = EPOLLIN | EPOLLET;
        return LastError.Or(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, entry));
    }

    public static int Remove(int epoll, int fd)
    {
        var entry = stackalloc byte[EventSize];
        return LastError.Or(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, entry));
    }

    /// <summary>Waits without limit until something added is ready; which one is not told.</summary>
    public static int WaitForEdge(int epoll)
    {
        const int MaxEvents = 4;
        var events = stackalloc byte[MaxEvents * EventSize];
        int result;
        do
            result = LastError.Or(epoll_wait(epoll, events, MaxEvents, -1));
        while (result == -(int)Errno.EINTR);
        return result;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int poll(PollEntry* entries, nuint count, int milliseconds);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_create1(int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_ctl(int epoll, int operation, int fd, byte* entry);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_wait(int epoll, byte* events, int count, int milliseconds);
}
