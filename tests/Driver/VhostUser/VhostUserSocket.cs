using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Interop;

namespace VirtioFsStore.Driver.VhostUser;

/// <summary>Bytes and descriptors over a unix stream socket, framed as vhost-user messages. Either end of it.</summary>
public sealed unsafe class VhostUserSocket(FileDescriptor socket) : IDisposable
{
    /// <summary>The most descriptors a test may want to attach: hostile messages carry more than the specification's 8.</summary>
    const int MaxDescriptors = 64;

    const int ControlSize = 16 + MaxDescriptors * sizeof(int);
    const int SolSocket = 1;
    const int ScmRights = 1;

    /// <summary>The largest payload taken: GET_SHMEM_CONFIG's reply has 2056 bytes, GET_CONFIG's at most 268.</summary>
    const int MaxPayload = 1 << 16;

    public int Fd => socket.Value;

    /// <summary>Longest wait for an answer.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(20);

    public static VhostUserSocket Connect(string path)
    {
        var socket = new FileDescriptor(Native.CreateSocket());
        SystemCallException.ThrowIfError(Native.Connect(socket.Value, Address(path)), "connect", path);
        return new VhostUserSocket(socket);
    }

    /// <summary>struct sockaddr_un: AF_UNIX, and the path with its NUL.</summary>
    internal static byte[] Address(string path)
    {
        var length = Encoding.UTF8.GetByteCount(path);
        if (length > 107)
            throw new ArgumentException("A socket path has at most 107 bytes.", nameof(path));
        var address = new byte[2 + length + 1];
        address[0] = 1;
        Encoding.UTF8.GetBytes(path, address.AsSpan(2));
        return address;
    }

    /// <summary>Sends a message whose header says the truth.</summary>
    public void Send(uint request, uint flags, ReadOnlySpan<byte> payload, ReadOnlySpan<int> descriptors = default)
    {
        Span<byte> message = stackalloc byte[VhostUserMessage.HeaderSize + payload.Length];
        WriteHeader(message, request, flags, (uint)payload.Length);
        payload.CopyTo(message[VhostUserMessage.HeaderSize..]);
        SendRaw(message, descriptors);
    }

    public static void WriteHeader(Span<byte> into, uint request, uint flags, uint size)
    {
        MemoryMarshal.Write(into, request);
        MemoryMarshal.Write(into[4..], flags);
        MemoryMarshal.Write(into[8..], size);
    }

    /// <summary>Sends bytes as they are, with descriptors: for messages that are wrong on purpose.</summary>
    public void SendRaw(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> descriptors = default)
    {
        while (bytes.Length > 0)
        {
            var count = SendSome(bytes, descriptors);
            if (count < 0)
                throw new VhostUserProtocolException($"sendmsg: {count.ToErrno().Describe()}");
            bytes = bytes[(int)count..];
            descriptors = default;
        }
    }

    /// <summary>The next message.</summary>
    /// <exception cref="VhostUserProtocolException">None came in time, or the peer closed the connection.</exception>
    public VhostUserMessage Receive() =>
        TryReceive() ?? throw new VhostUserProtocolException("The peer closed the connection where a message was expected.");

    /// <summary>The next message, or null at the end of the connection.</summary>
    public VhostUserMessage? TryReceive()
    {
        var descriptors = new List<int>();
        Span<byte> header = stackalloc byte[VhostUserMessage.HeaderSize];
        var got = ReceiveExact(header, descriptors);
        if (got == 0)
            return null;
        if (got < header.Length)
            throw new VhostUserProtocolException($"The connection ended after {got} bytes of a message's header.");
        var request = MemoryMarshal.Read<uint>(header);
        var flags = MemoryMarshal.Read<uint>(header[4..]);
        var size = MemoryMarshal.Read<uint>(header[8..]);
        if ((flags & 3) != VhostUserMessage.Version)
            throw new VhostUserProtocolException($"Message {request} has version {flags & 3}; the protocol's is 1.");
        if (size > MaxPayload)
            throw new VhostUserProtocolException($"Message {request} announces {size} bytes.");
        var payload = new byte[size];
        if (ReceiveExact(payload, descriptors) != payload.Length)
            throw new VhostUserProtocolException($"The connection ended within message {request}.");
        return new VhostUserMessage(request, flags, payload, [.. descriptors]);
    }

    /// <summary>True once the peer has closed the connection; what it still sent before is dropped.</summary>
    public bool WaitForClose(TimeSpan timeout)
    {
        var deadline = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        Span<byte> sink = stackalloc byte[256];
        var descriptors = new List<int>();
        while (true)
        {
            var left = deadline - Environment.TickCount64;
            if (left <= 0 || Native.Poll(Fd, (int)left) <= 0)
                return false;
            var count = ReceiveSome(sink, descriptors);
            foreach (var fd in descriptors)
                _ = Descriptors.Close(fd);
            descriptors.Clear();
            if (count <= 0)
                return true;
        }
    }

    /// <summary>True when a message or the end of the connection can be read at once.</summary>
    public bool HasInput => Native.Poll(Fd, 0) > 0;

    public void Dispose() => socket.Dispose();

    nint SendSome(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> descriptors)
    {
        if (descriptors.Length > MaxDescriptors)
            throw new ArgumentException($"At most {MaxDescriptors} descriptors.", nameof(descriptors));
        var control = stackalloc byte[ControlSize];
        fixed (byte* data = bytes)
        {
            var vector = new Iovec(data, (nuint)bytes.Length);
            var message = new MessageHeader { Vectors = &vector, VectorCount = 1 };
            if (descriptors.Length > 0)
            {
                var length = 16 + descriptors.Length * sizeof(int);
                *(nuint*)control = (nuint)length;
                *(int*)(control + 8) = SolSocket;
                *(int*)(control + 12) = ScmRights;
                descriptors.CopyTo(new Span<int>(control + 16, descriptors.Length));
                message.Control = control;
                message.ControlLength = (nuint)((length + 7) & ~7);
            }
            return Native.SendMessage(Fd, &message);
        }
    }

    int ReceiveExact(Span<byte> into, List<int> descriptors)
    {
        var done = 0;
        while (done < into.Length)
        {
            if (Native.Poll(Fd, (int)Timeout.TotalMilliseconds) == 0)
                throw new VhostUserProtocolException($"No message came within {Timeout.TotalSeconds} s.");
            var count = ReceiveSome(into[done..], descriptors);
            // A peer that closes with our bytes unread resets the connection: the same end.
            if (count == 0 || count.ToErrno() == Errno.ECONNRESET)
                break;
            if (count < 0)
                throw new VhostUserProtocolException($"recvmsg: {count.ToErrno().Describe()}");
            done += (int)count;
        }
        return done;
    }

    nint ReceiveSome(Span<byte> into, List<int> descriptors)
    {
        var control = stackalloc byte[ControlSize];
        fixed (byte* data = into)
        {
            var vector = new Iovec(data, (nuint)into.Length);
            var message = new MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = ControlSize };
            var count = Native.ReceiveMessage(Fd, &message);
            if (count < 0)
                return count;
            for (nuint at = 0; at + 16 <= message.ControlLength;)
            {
                var length = *(nuint*)(control + at);
                if (length < 16 || length > message.ControlLength - at)
                    break;
                if (*(int*)(control + at + 8) == SolSocket && *(int*)(control + at + 12) == ScmRights)
                    for (nuint item = 16; item + sizeof(int) <= length; item += sizeof(int))
                        descriptors.Add(Unsafe.ReadUnaligned<int>(control + at + item));
                at += (length + 7) & ~(nuint)7;
            }
            return count;
        }
    }
}
