using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Channels;

/// <summary>
/// One end of a SOCK_SEQPACKET connection between this program's processes: messages of a fixed head and a bounded body, with
/// descriptors. Sending is for any thread, receiving for one at a time.
/// </summary>
sealed unsafe class MessageSocket(FileDescriptor socket) : IDisposable
{
    /// <summary>SCM_MAX_FD of net/scm.h is 253.</summary>
    public const int MaxDescriptors = 250;

    const int MaxMessage = 64 * 1024;

    readonly byte[] _received = GC.AllocateUninitializedArray<byte>(MaxMessage, pinned: true);
    readonly Lock _sending = new();

    public int Fd => socket.Value;

    /// <exception cref="SystemCallException">The peer has gone, or the body is too long for a message (EMSGSIZE).</exception>
    public void Send(uint kind, uint id, ReadOnlySpan<byte> body = default, ReadOnlySpan<int> descriptors = default)
    {
        if (body.Length > MaxMessage - sizeof(MessageHead))
            throw new SystemCallException(Errno.EMSGSIZE, "sendmsg", null);
        Span<byte> message = new byte[sizeof(MessageHead) + body.Length];
        MemoryMarshal.Write(message, new MessageHead { Kind = kind, Id = id });
        body.CopyTo(message[sizeof(MessageHead)..]);
        lock (_sending)
        {
            fixed (byte* bytes = message)
                SystemCallException.ThrowIfError(Sockets.Send(Fd, bytes, (nuint)message.Length, descriptors), "sendmsg");
        }
    }

    /// <summary>Waits for a message; null when the peer has gone. The body is valid until the next call.</summary>
    /// <exception cref="IOException">What came is not a message.</exception>
    public ReceivedMessage? Receive()
    {
        Span<int> numbers = stackalloc int[MaxDescriptors];
        nint length;
        int count;
        bool truncated;
        fixed (byte* buffer = _received)
            length = Sockets.Receive(Fd, buffer, MaxMessage, numbers, out count, out truncated);
        var descriptors = new FileDescriptor[Math.Max(count, 0)];
        for (var i = 0; i < descriptors.Length; i++)
            descriptors[i] = new FileDescriptor(numbers[i]);
        if (length >= sizeof(MessageHead) && !truncated)
        {
            var head = MemoryMarshal.Read<MessageHead>(_received);
            return new ReceivedMessage(head.Kind, head.Id, _received.AsMemory(sizeof(MessageHead), (int)length - sizeof(MessageHead)), descriptors);
        }
        foreach (var descriptor in descriptors)
            descriptor.Dispose();
        // A peer that ended with messages unread resets the connection.
        if (length == 0 || length == -(nint)(int)Errno.ECONNRESET)
            return null;
        SystemCallException.ThrowIfError(length, "recvmsg");
        throw new IOException(truncated ? "a message's descriptors could not be taken: too many files are open" : $"a message of {length} bytes is too short");
    }

    /// <summary>Ends the connection; whoever waits in <see cref="Receive"/> sees its end.</summary>
    public void Shutdown() => _ = Sockets.Shutdown(Fd);

    public void Dispose() => socket.Dispose();
}
