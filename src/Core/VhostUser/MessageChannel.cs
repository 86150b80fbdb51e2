using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>The socket to the VMM: whole messages in, whole replies out. One thread; <paramref name="stopFd"/> ends a wait.</summary>
sealed unsafe class MessageChannel(FileDescriptor socket, int stopFd) : IDisposable
{
    /// <summary>The most bytes of a reply: that of GET_SHMEM_CONFIG.</summary>
    const int MaxReply = 8 + (256 * sizeof(ulong));

    public int Fd => socket.Value;

    public int StopFd => stopFd;

    /// <summary>
    /// Reads the next message. False: the peer has gone, between two messages or within one (then <paramref name="cutOff"/>), or
    /// this side is being stopped.
    /// </summary>
    /// <exception cref="VhostUserException">What came is not a message.</exception>
    public bool TryReceive(Message message, out bool cutOff)
    {
        message.CloseDescriptors();
        cutOff = false;
        var header = stackalloc byte[Message.HeaderSize];
        var count = 0;
        for (var got = 0; got < Message.HeaderSize;)
        {
            var result = ReceivePart(header + got, Message.HeaderSize - got, message.DescriptorSpace[count..], out var more, out var truncated);
            count += more;
            if (result > 0 && !truncated)
            {
                got += result;
                continue;
            }
            for (var i = 0; i < count; i++)
                _ = Descriptors.Close(message.DescriptorSpace[i]);
            if (truncated)
                throw VhostUserException.Violation($"it carries more than {Message.MaxDescriptors} descriptors, or this process has no room for them (RLIMIT_NOFILE)");
            cutOff = got > 0;
            return false;
        }
        message.Begin(new ReadOnlySpan<byte>(header, Message.HeaderSize), count);
        fixed (byte* body = message.Body)
        {
            for (var got = 0; got < message.Size;)
            {
                // Descriptors belong to a message's first bytes; later ones are not asked for, so the kernel drops them.
                var result = ReceivePart(body + got, message.Size - got, [], out _, out _);
                if (result <= 0)
                {
                    cutOff = true;
                    return false;
                }
                got += result;
            }
        }
        return true;
    }

    /// <summary>Answers a request. Errors are not told: the next receive finds a peer that has gone.</summary>
    public void Reply(FrontendRequest request, ReadOnlySpan<byte> body, int descriptor = -1)
    {
        var message = stackalloc byte[Message.HeaderSize + MaxReply];
        *(uint*)message = (uint)request;
        *(uint*)(message + 4) = Message.Version | Message.ReplyFlag;
        *(uint*)(message + 8) = (uint)body.Length;
        body.CopyTo(new Span<byte>(message + Message.HeaderSize, MaxReply));
        ReadOnlySpan<int> descriptors = descriptor < 0 ? [] : [descriptor];
        var size = Message.HeaderSize + body.Length;
        for (var sent = 0; sent < size;)
        {
            var result = (int)Sockets.Send(Fd, message + sent, (nuint)(size - sent), descriptors, Sockets.MSG_DONTWAIT);
            if (result == -(int)Errno.EAGAIN)
            {
                if (WaitFor(Polling.POLLOUT))
                    continue;
                return;
            }
            if (result < 0)
                return;
            sent += result;
            descriptors = [];
        }
    }

    public void Reply(FrontendRequest request, ulong value) =>
        Reply(request, MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in value)));

    public void Dispose() => socket.Dispose();

    /// <summary>Bytes; 0 when the peer has gone or this side is being stopped.</summary>
    int ReceivePart(byte* buffer, int count, Span<int> descriptors, out int descriptorCount, out bool truncated)
    {
        while (true)
        {
            var result = (int)Sockets.Receive(Fd, buffer, (nuint)count, descriptors, out descriptorCount, out truncated, Sockets.MSG_DONTWAIT);
            if (result != -(int)Errno.EAGAIN)
                return Math.Max(0, result);
            if (!WaitFor(Polling.POLLIN))
                return 0;
        }
    }

    bool WaitFor(short events)
    {
        Span<PollEntry> entries = [new PollEntry(Fd, events), new PollEntry(stopFd, Polling.POLLIN)];
        return Polling.Poll(entries, -1) > 0 && entries[1].Returned == 0;
    }
}
