using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.VhostUser;

/// <summary>The channel of SET_BACKEND_REQ_FD, seen from the VMM: takes the back-end's requests and answers them.</summary>
public sealed class BackendChannel(VhostUserSocket socket) : IDisposable
{
    public VhostUserSocket Socket => socket;

    /// <summary>The next request.</summary>
    public VhostUserMessage Receive() => socket.Receive();

    /// <summary>Answers a request that has NEED_REPLY: 0 for success.</summary>
    public void Answer(VhostUserMessage request, ulong result)
    {
        if ((request.Flags & VhostUserMessage.NeedReplyFlag) != 0)
            socket.Send(
                request.Request,
                VhostUserMessage.Version | VhostUserMessage.ReplyFlag,
                MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in result)));
    }

    public void Dispose() => socket.Dispose();
}
