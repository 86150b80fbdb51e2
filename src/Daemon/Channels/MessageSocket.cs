using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Channels;

/// <summary>
/// One end of a SOCK_SEQPACKET connection between this program's processes: messages of a fixed head and a bounded body, with
/// descriptors. Sending is for any thread, receiving for one at a time.
/// </summary>
sealed unsafe class MessageSocket : IDisposable
{
    /// <summary>SCM_MAX_FD of net/scm.h is 253.</summary>
    public const int MaxDescriptors = 250;

    /// <summary>Fits the digests of as many layers as an image may have; below what a socket takes at once (net.core.wmem_default).</summary>
    const int MaxMessage = 128 * 1024;

    /// <summary>A peer that takes nothing for so long has stopped.</summary>
    const int PatienceSeconds = 10;

    readonly FileDescriptor _socket;

    /// <summary>Calls under way on the descriptor, and one until this is disposed of: its number must not become another file's under one of them.</summary>
    int _uses = 1;

    int _disposed;
    byte[]? _received;

    /// <param name="socket">Becomes this object's own.</param>
    public MessageSocket(FileDescriptor socket)
    {
        _socket = socket;
        _ = Sockets.SetSendLimit(socket.Value, PatienceSeconds);
    }

    public int Fd => _socket.Value;

    /// <exception cref="SystemCallException">The peer has gone, takes nothing (EAGAIN), or the body is too long for a message (EMSGSIZE).</exception>
    public void Send(uint kind, uint id, ReadOnlySpan<byte> body = default, ReadOnlySpan<int> descriptors = default) =>
        SystemCallException.ThrowIfError(TrySend(kind, id, body, descriptors, 0), "sendmsg");

    /// <summary>For what may be lost: not sent where the peer has not taken what came before, or has gone.</summary>
    public void SendIfPossible(uint kind, uint id, ReadOnlySpan<byte> body) => _ = TrySendNow(kind, id, body);

    /// <summary>False where it would have to wait, or the peer has gone: then nothing was sent.</summary>
    public bool TrySendNow(uint kind, uint id, ReadOnlySpan<byte> body, ReadOnlySpan<int> descriptors = default) =>
        TrySend(kind, id, body, descriptors, Sockets.MSG_DONTWAIT) >= 0;

    /// <summary>Waits for a message; null when the peer has gone. The body is valid until the next call.</summary>
    /// <exception cref="IOException">What came is not a message.</exception>
    public ReceivedMessage? Receive()
    {
        Span<int> numbers = stackalloc int[MaxDescriptors];
        nint length;
        int count;
        bool truncated;
        if (!TryUse())
            return null;
        try
        {
            _received ??= GC.AllocateUninitializedArray<byte>(MaxMessage, pinned: true);
            fixed (byte* buffer = _received)
                length = Sockets.Receive(Fd, buffer, MaxMessage, numbers, out count, out truncated);
        }
        finally
        {
            EndUse();
        }
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
    public void Shutdown()
    {
        if (!TryUse())
            return;
        _ = Sockets.Shutdown(Fd);
        EndUse();
    }

    /// <summary>Closes it when the calls that are under way have ended; <see cref="Shutdown"/> ends them.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            EndUse();
    }

    nint TrySend(uint kind, uint id, ReadOnlySpan<byte> body, ReadOnlySpan<int> descriptors, int flags)
    {
        if (body.Length > MaxMessage - sizeof(MessageHead))
            return -(nint)(int)Errno.EMSGSIZE;
        Span<byte> message = new byte[sizeof(MessageHead) + body.Length];
        MemoryMarshal.Write(message, new MessageHead { Kind = kind, Id = id });
        body.CopyTo(message[sizeof(MessageHead)..]);
        if (!TryUse())
            return -(nint)(int)Errno.EPIPE;
        try
        {
            // The kernel keeps the messages of several threads apart.
            fixed (byte* bytes = message)
                return Sockets.Send(Fd, bytes, (nuint)message.Length, descriptors, flags);
        }
        finally
        {
            EndUse();
        }
    }

    bool TryUse()
    {
        int uses;
        do
        {
            uses = Volatile.Read(ref _uses);
            if (uses == 0 || Volatile.Read(ref _disposed) != 0)
                return false;
        }
        while (Interlocked.CompareExchange(ref _uses, uses + 1, uses) != uses);
        return true;
    }

    void EndUse()
    {
        if (Interlocked.Decrement(ref _uses) == 0)
            _socket.Dispose();
    }
}
