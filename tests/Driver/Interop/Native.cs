using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Driver.Interop;

/// <summary>
/// The system calls a VMM needs. Kept apart from Core's so that the Driver shares nothing with what it tests but reading,
/// writing and closing. Results: 0 or above, or −errno.
/// </summary>
static unsafe partial class Native
{
    public const int POLLIN = 1;
    public const int POLLHUP = 0x10;
    public const int PROT_READ = 1;
    public const int PROT_WRITE = 2;
    public const int MAP_SHARED = 1;
    public const int SEEK_DATA = 3;
    public const int SEEK_HOLE = 4;
    public const int SIGKILL = 9;
    public const int SIGTERM = 15;
    public const int SIGCONT = 18;
    public const int SIGSTOP = 19;
    public const int SHUT_RDWR = 2;

    const int AF_UNIX = 1;
    const int SOCK_STREAM = 1;
    const int SOCK_CLOEXEC = 0x80000;
    const int MSG_NOSIGNAL = 0x4000;
    const int MSG_CMSG_CLOEXEC = 0x40000000;
    const int EFD_CLOEXEC = 0x80000;
    const int EFD_NONBLOCK = 0x800;
    const uint MFD_CLOEXEC = 1;
    const int CLONE_NEWNS = 0x20000;
    const nint Interrupted = -(nint)(int)Errno.EINTR;

    /// <summary>Moves the calling thread into the mount namespace that <paramref name="fd"/> (/proc/PID/ns/mnt) stands for, to its root. The thread has left its process's root before.</summary>
    public static nint EnterMountNamespace(int fd) => Check(setns(fd, CLONE_NEWNS));

    /// <summary>An anonymous file of <paramref name="size"/> zero bytes.</summary>
    public static int CreateMemory(string name, long size)
    {
        int fd;
        fixed (byte* bytes = Utf8Path.Encode(name))
            fd = (int)Check(memfd_create(bytes, MFD_CLOEXEC));
        SystemCallException.ThrowIfError(fd, "memfd_create", name);
        SystemCallException.ThrowIfError(Check(ftruncate(fd, size)), "ftruncate", name);
        return fd;
    }

    public static byte* Map(int fd, long offset, nuint length, bool writable = true)
    {
        var address = mmap(null, length, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, offset);
        if (address == (byte*)-1)
            throw new SystemCallException((Errno)Marshal.GetLastPInvokeError(), "mmap", null);
        return address;
    }

    /// <summary>Addresses that nothing may be read from.</summary>
    public static byte* Reserve(nuint length)
    {
        const int PROT_NONE = 0, MAP_PRIVATE = 2, MAP_ANONYMOUS = 0x20, MAP_NORESERVE = 0x4000;
        var address = mmap(null, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (address == (byte*)-1)
            throw new SystemCallException((Errno)Marshal.GetLastPInvokeError(), "mmap", null);
        return address;
    }

    /// <summary>Puts a file in place of whatever is at <paramref name="address"/>. Null: it cannot be mapped so.</summary>
    public static byte* MapAt(byte* address, int fd, long offset, nuint length, bool writable)
    {
        const int MAP_FIXED = 0x10;
        var result = mmap(address, length, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED | MAP_FIXED, fd, offset);
        return result == (byte*)-1 ? null : result;
    }

    /// <summary>Makes addresses again what <see cref="Reserve"/> made them.</summary>
    public static void ReserveAgain(byte* address, nuint length)
    {
        const int PROT_NONE = 0, MAP_PRIVATE = 2, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20, MAP_NORESERVE = 0x4000;
        if (mmap(address, length, PROT_NONE, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == (byte*)-1)
            throw new SystemCallException((Errno)Marshal.GetLastPInvokeError(), "mmap", null);
    }

    public static void Unmap(byte* address, nuint length) => SystemCallException.ThrowIfError(Check(munmap(address, length)), "munmap");

    public static int CreateEvent(bool blocking = false) =>
        (int)SystemCallException.ThrowIfError(Check(eventfd(0, EFD_CLOEXEC | (blocking ? 0 : EFD_NONBLOCK))), "eventfd");

    public static int CreateSocket() => (int)SystemCallException.ThrowIfError(Check(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), "socket");

    public static (int Ours, int Theirs) CreateSocketPair()
    {
        var pair = stackalloc int[2];
        SystemCallException.ThrowIfError(Check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)), "socketpair");
        return (pair[0], pair[1]);
    }

    public static nint Connect(int fd, ReadOnlySpan<byte> address)
    {
        fixed (byte* bytes = address)
            return Check(connect(fd, bytes, (uint)address.Length));
    }

    /// <summary>Makes a socket's path, and listens on it if asked to.</summary>
    public static void Bind(int fd, ReadOnlySpan<byte> address, string path, bool listening)
    {
        fixed (byte* bytes = address)
            SystemCallException.ThrowIfError(Check(bind(fd, bytes, (uint)address.Length)), "bind", path);
        if (listening)
            SystemCallException.ThrowIfError(Check(listen(fd, 1)), "listen", path);
    }

    public static nint Shutdown(int fd) => Check(shutdown(fd, SHUT_RDWR));

    /// <param name="fd">The descriptor to wait for.</param>
    /// <param name="milliseconds">−1 waits for ever.</param>
    /// <param name="events">POLLIN and the like.</param>
    /// <returns>1 if ready, 0 if the time is over.</returns>
    public static nint Poll(int fd, int milliseconds, short events = POLLIN)
    {
        var one = new PollDescriptor { Fd = fd, Events = events };
        nint result;
        do
            result = Check(poll(&one, 1, milliseconds));
        while (result == Interrupted);
        return result;
    }

    public static nint SendMessage(int fd, MessageHeader* message)
    {
        nint result;
        do
            result = Check(sendmsg(fd, message, MSG_NOSIGNAL));
        while (result == Interrupted);
        return result;
    }

    public static nint ReceiveMessage(int fd, MessageHeader* message)
    {
        nint result;
        do
            result = Check(recvmsg(fd, message, MSG_CMSG_CLOEXEC));
        while (result == Interrupted);
        return result;
    }

    public static nint Seek(int fd, long offset, int whence) => Check((nint)lseek(fd, offset, whence));

    public static nint Kill(int pid, int signal) => Check(kill(pid, signal));

    /// <summary>Clears close-on-exec: a child process inherits the descriptor.</summary>
    public static nint KeepOnExec(int fd)
    {
        const int F_SETFD = 2;
        return Check(fcntl(fd, F_SETFD, 0));
    }

    static nint Check(nint result) => result == -1 ? -Marshal.GetLastPInvokeError() : result;

    [LibraryImport("libc", SetLastError = true)]
    private static partial int memfd_create(byte* name, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ftruncate(int fd, long length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial byte* mmap(void* address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int munmap(void* address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int eventfd(uint value, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socket(int domain, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socketpair(int domain, int type, int protocol, int* pair);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int connect(int fd, byte* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int bind(int fd, byte* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int listen(int fd, int backlog);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int shutdown(int fd, int how);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int poll(PollDescriptor* descriptors, nuint count, int milliseconds);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint sendmsg(int fd, MessageHeader* message, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint recvmsg(int fd, MessageHeader* message, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial long lseek(int fd, long offset, int whence);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setns(int fd, int type);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int pid, int signal);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(int fd, int command, nint argument);
}
