using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>eventfd(2). Results: a descriptor or 0, or −errno.</summary>
public static unsafe partial class EventFd
{
    const int EFD_CLOEXEC = 0x80000;
    const int EFD_NONBLOCK = 0x800;

    /// <summary>A new counter of 0 that never blocks.</summary>
    public static int Create() => LastError.Or(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));

    /// <summary>Adds 1 and wakes who waits. EAGAIN: the counter is full, so its reader is awake in any case.</summary>
    public static int Signal(int fd)
    {
        var one = 1UL;
        return (int)FileIo.Write(fd, (byte*)&one, sizeof(ulong)) is < 0 and var error ? error : 0;
    }

    /// <summary>Takes the counter, and sets it to 0. 0 if it was 0.</summary>
    public static ulong Drain(int fd)
    {
        var value = 0UL;
        return FileIo.Read(fd, (byte*)&value, sizeof(ulong)) == sizeof(ulong) ? value : 0;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int eventfd(uint initial, int flags);
}
