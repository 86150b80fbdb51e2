using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Interop;
using VirtioFsStore.Driver.Memory;

namespace VirtioFsStore.Driver.VhostUser;

/// <summary>
/// The VMM's side of vhost-user: one method per message. Those without a reply of their own take <c>acknowledge</c>, which
/// sets NEED_REPLY and throws unless the back-end answers 0. <see cref="Socket"/> is there for messages that are wrong on purpose.
/// </summary>
public sealed partial class VhostUserFrontend(VhostUserSocket socket) : IDisposable
{
    BackendChannel? _channel;

    public VhostUserSocket Socket => socket;

    /// <summary>Every message in order of sending, as (request, NEED_REPLY): what a profile really sent.</summary>
    public List<(VhostUserRequest Request, bool NeedReply)> Sent { get; } = [];

    /// <summary>
    /// rust-vmm's front-ends set NEED_REPLY on every message, also on those that have a reply of their own, once REPLY_ACK was agreed.
    /// </summary>
    public bool AlwaysNeedReply { get; set; }

    /// <summary>The requests of the back-end, after <see cref="SetBackendRequestFd"/>.</summary>
    public BackendChannel Channel => _channel ?? throw new InvalidOperationException("SET_BACKEND_REQ_FD was not sent.");

    public static VhostUserFrontend Connect(string path) => new(VhostUserSocket.Connect(path));

    /// <summary>Sends a message with NEED_REPLY and returns what the back-end answers: 0 for success.</summary>
    public ulong SendForAck(VhostUserRequest request, ReadOnlySpan<byte> payload = default, params ReadOnlySpan<int> descriptors)
    {
        SendMessage(request, payload, needReply: true, descriptors);
        using var reply = ReceiveReply(request);
        return reply.Body<ulong>();
    }

    /// <summary>Sends a message that has a reply of its own, and returns that.</summary>
    public VhostUserMessage Ask(VhostUserRequest request, ReadOnlySpan<byte> payload = default, params ReadOnlySpan<int> descriptors)
    {
        SendMessage(request, payload, AlwaysNeedReply, descriptors);
        return ReceiveReply(request);
    }

    /// <summary>Sends a message that has no reply of its own.</summary>
    public void Tell(VhostUserRequest request, ReadOnlySpan<byte> payload, bool acknowledge, params ReadOnlySpan<int> descriptors)
    {
        if (!acknowledge && !AlwaysNeedReply)
        {
            SendMessage(request, payload, needReply: false, descriptors);
            return;
        }
        var result = SendForAck(request, payload, descriptors);
        if (result != 0)
            throw new VhostUserProtocolException($"The back-end refused {request}: it answered {result}.");
    }

    public void Tell<T>(VhostUserRequest request, in T payload, bool acknowledge, params ReadOnlySpan<int> descriptors)
        where T : unmanaged =>
        Tell(request, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in payload)), acknowledge, descriptors);

    public void Dispose()
    {
        _channel?.Dispose();
        socket.Dispose();
    }

    static ReadOnlySpan<byte> Bytes<T>(in T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value));

    ulong AskNumber(VhostUserRequest request)
    {
        using var reply = Ask(request);
        return reply.Body<ulong>();
    }

    void SendMessage(VhostUserRequest request, ReadOnlySpan<byte> payload, bool needReply, ReadOnlySpan<int> descriptors)
    {
        Sent.Add((request, needReply));
        socket.Send((uint)request, VhostUserMessage.Version | (needReply ? VhostUserMessage.NeedReplyFlag : 0), payload, descriptors);
    }

    VhostUserMessage ReceiveReply(VhostUserRequest request)
    {
        var reply = socket.Receive();
        if (reply.Request != (uint)request || !reply.IsReply)
        {
            reply.Dispose();
            throw new VhostUserProtocolException(
                $"{request} was answered by message {reply.Request} with flags 0x{reply.Flags:x}; a reply repeats the request and has bit 2 set.");
        }
        return reply;
    }
}
