using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>Unix sockets and the descriptors they carry. Results: a descriptor, bytes or 0, or −errno.</summary>
public static unsafe partial class Sockets
{
    public const int MSG_DONTWAIT = 0x40;
    public const int MSG_CTRUNC = 0x8;

    /// <summary>sizeof(sockaddr_un.sun_path), its NUL included.</summary>
    const int PathCapacity = 108;

    const int AF_UNIX = 1;
    const int SOCK_STREAM = 1;
    const int SOCK_DGRAM = 2;
    const int SOCK_SEQPACKET = 5;
    const int SOCK_CLOEXEC = 0x80000;
    const int SOCK_NONBLOCK = 0x800;
    const int SOL_SOCKET = 1;
    const int SO_PEERCRED = 17;
    const int SO_SNDTIMEO = 21;
    const int SO_ACCEPTCONN = 30;
    const int SCM_RIGHTS = 1;
    const int MSG_NOSIGNAL = 0x4000;
    const int MSG_CMSG_CLOEXEC = 0x40000000;

    /// <summary>CMSG_LEN(0): struct cmsghdr {size_t len; int level; int type} on 64-bit.</summary>
    const int ControlHeader = 16;

    public static int CreateDatagram() => LastError.Or(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));

    public static int CreateStream(bool nonBlocking = false) =>
        LastError.Or(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (nonBlocking ? SOCK_NONBLOCK : 0), 0));

    /// <summary>A socket that keeps messages apart.</summary>
    public static int CreateSequencedPacket() => LastError.Or(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));

    /// <summary>Two connected stream sockets.</summary>
    public static int CreatePair(out int first, out int second) => CreatePair(SOCK_STREAM, out first, out second);

    /// <summary>Two connected sockets that keep messages apart.</summary>
    public static int CreateSequencedPacketPair(out int first, out int second) => CreatePair(SOCK_SEQPACKET, out first, out second);

    /// <summary>ENAMETOOLONG for a path of more than 107 bytes.</summary>
    public static int Bind(int fd, string path)
    {
        var address = stackalloc byte[2 + PathCapacity];
        return TryEncode(path, address, out var length) ? LastError.Or(bind(fd, address, length)) : -(int)Errno.ENAMETOOLONG;
    }

    /// <inheritdoc cref="Bind"/>
    public static int Connect(int fd, string path)
    {
        var address = stackalloc byte[2 + PathCapacity];
        return TryEncode(path, address, out var length) ? LastError.Or(connect(fd, address, length)) : -(int)Errno.ENAMETOOLONG;
    }

    public static int Listen(int fd, int backlog) => LastError.Or(listen(fd, backlog));

    /// <summary>Takes a connection; the new socket blocks.</summary>
    public static int Accept(int fd)
    {
        int result;
        do
            result = LastError.Or(accept4(fd, null, null, SOCK_CLOEXEC));
        while (result == -(int)Errno.EINTR);
        return result;
    }

    /// <summary>1 if the socket listens, 0 if not.</summary>
    public static int IsListening(int fd)
    {
        var value = 0;
        var size = (uint)sizeof(int);
        var result = LastError.Or(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size));
        return result < 0 ? result : value;
    }

    /// <summary>Sending, and connecting, then fails with EAGAIN instead of waiting longer.</summary>
    public static int SetSendLimit(int fd, int seconds)
    {
        // struct timeval.
        var limit = stackalloc long[2] { seconds, 0 };
        return LastError.Or(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, limit, 2 * sizeof(long)));
    }

    /// <summary>The process at the other end of a connection: of a listener, the one that called listen (SO_PEERCRED, unix(7)).</summary>
    public static int PeerProcess(int fd)
    {
        // struct ucred.
        var credentials = stackalloc int[3];
        var size = (uint)(3 * sizeof(int));
        var result = LastError.Or(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, &size));
        return result < 0 ? result : credentials[0];
    }

    /// <summary>
    /// One recvmsg. Descriptors that arrive with the bytes are opened close-on-exec and put in <paramref name="descriptors"/>;
    /// those that do not fit there are closed by the kernel and <paramref name="truncated"/> says so. 0 bytes: the peer has gone.
    /// </summary>
    public static nint Receive(int fd, byte* buffer, nuint count, Span<int> descriptors, out int descriptorCount, out bool truncated, int flags = 0)
    {
        var space = ControlHeader + Align(descriptors.Length * sizeof(int));
        var control = stackalloc byte[space + sizeof(ulong)];
        control = (byte*)(((nuint)control + 7) & ~(nuint)7);
        var vector = new Iovec(buffer, count);
        var message = new MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = (nuint)space };
        nint result;
        do
        {
            message.ControlLength = (nuint)space;
            result = LastError.Or(recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC));
        }
        while (result == -(nint)(int)Errno.EINTR);
        descriptorCount = 0;
        truncated = false;
        if (result < 0)
            return result;
        truncated = (message.Flags & MSG_CTRUNC) != 0;
        var offset = (nuint)0;
        while (offset + ControlHeader <= message.ControlLength)
        {
            var length = *(nuint*)(control + offset);
            if (length < ControlHeader || length > message.ControlLength - offset)
                break;
            if (*(int*)(control + offset + 8) == SOL_SOCKET && *(int*)(control + offset + 12) == SCM_RIGHTS)
            {
                var carried = (int)((length - ControlHeader) / sizeof(int));
                for (var i = 0; i < carried; i++)
                {
                    var descriptor = Unsafe.ReadUnaligned<int>(control + offset + ControlHeader + (i * sizeof(int)));
                    if (descriptorCount < descriptors.Length)
                        descriptors[descriptorCount++] = descriptor;
                    else
                        _ = Descriptors.Close(descriptor);
                }
            }
            offset += (nuint)Align((int)length);
        }
        return result;
    }

    /// <summary>One sendmsg, with descriptors attached if there are any. Never raises SIGPIPE.</summary>
    public static nint Send(int fd, byte* buffer, nuint count, ReadOnlySpan<int> descriptors = default, int flags = 0)
    {
        var space = descriptors.IsEmpty ? 0 : ControlHeader + Align(descriptors.Length * sizeof(int));
        var control = stackalloc byte[space + sizeof(ulong)];
        control = (byte*)(((nuint)control + 7) & ~(nuint)7);
        var vector = new Iovec(buffer, count);
        var message = new MessageHeader { Vectors = &vector, VectorCount = 1 };
        if (!descriptors.IsEmpty)
        {
            new Span<byte>(control, space).Clear();
            *(nuint*)control = (nuint)(ControlHeader + (descriptors.Length * sizeof(int)));
            *(int*)(control + 8) = SOL_SOCKET;
            *(int*)(control + 12) = SCM_RIGHTS;
            descriptors.CopyTo(new Span<int>(control + ControlHeader, descriptors.Length));
            message.Control = control;
            message.ControlLength = (nuint)space;
        }
        nint result;
        do
            result = LastError.Or(sendmsg(fd, &message, flags | MSG_NOSIGNAL));
        while (result == -(nint)(int)Errno.EINTR);
        return result;
    }

    /// <summary>Ends both directions: the peer and any thread that waits on the socket see its end.</summary>
    public static int Shutdown(int fd) => LastError.Or(shutdown(fd, 2));

    static int CreatePair(int type, out int first, out int second)
    {
        var pair = stackalloc int[2];
        var result = LastError.Or(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair));
        (first, second) = result < 0 ? (-1, -1) : (pair[0], pair[1]);
        return result;
    }

    static int Align(int length) => (length + 7) & ~7;

    static bool TryEncode(string path, byte* address, out uint length)
    {
        var bytes = Utf8Path.Encode(path);
        length = (uint)(2 + bytes.Length);
        if (bytes.Length > PathCapacity)
            return false;
        *(ushort*)address = AF_UNIX;
        bytes.CopyTo(new Span<byte>(address + 2, PathCapacity));
        return true;
    }

    /// <summary>struct msghdr (bits/socket.h), 56 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    struct MessageHeader
    {
        public byte* Name;
        public nuint NameLength;
        public Iovec* Vectors;
        public nuint VectorCount;
        public byte* Control;
        public nuint ControlLength;
        public nint Flags;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socket(int domain, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socketpair(int domain, int type, int protocol, int* pair);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int bind(int fd, byte* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int connect(int fd, byte* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int listen(int fd, int backlog);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int accept4(int fd, byte* address, uint* length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int getsockopt(int fd, int level, int name, void* value, uint* size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setsockopt(int fd, int level, int name, void* value, uint size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint recvmsg(int fd, MessageHeader* message, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint sendmsg(int fd, MessageHeader* message, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int shutdown(int fd, int how);
}
