using System.Diagnostics;
using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>A message out and its answer in.</summary>
sealed unsafe partial class WindowChannel
{
    const int AnswerSize = Message.HeaderSize + sizeof(ulong);

    /// <summary>0: done; 1: refused; −1: there is no answer, for a <paramref name="reason"/> unless this side is being stopped.</summary>
    int Exchange(WindowCommand command, out string? reason)
    {
        reason = null;
        var start = Stopwatch.GetTimestamp();
        var message = stackalloc byte[WindowMessages.MaxSize];
        var size = WindowMessages.Write(_dialect, command, new Span<byte>(message, WindowMessages.MaxSize));
        ReadOnlySpan<int> descriptors = command.IsMap ? [command.Descriptor] : [];
        for (var sent = 0; sent < size;)
        {
            var result = (int)Sockets.Send(_socket.Value, message + sent, (nuint)(size - sent), descriptors, Sockets.MSG_DONTWAIT);
            if (result < 0 && (result != -(int)Errno.EAGAIN || !WaitFor(Polling.POLLOUT, start, out reason)))
                return Fail(result, ref reason);
            if (result < 0)
                continue;
            sent += result;
            descriptors = [];
        }
        var answer = stackalloc byte[AnswerSize];
        for (var got = 0; got < AnswerSize;)
        {
            var result = (int)Sockets.Receive(_socket.Value, answer + got, (nuint)(AnswerSize - got), [], out _, out _, Sockets.MSG_DONTWAIT);
            if (result <= 0 && (result != -(int)Errno.EAGAIN || !WaitFor(Polling.POLLIN, start, out reason)))
                return Fail(result, ref reason);
            got += Math.Max(0, result);
        }
        var numbers = new ReadOnlySpan<byte>(answer, AnswerSize);
        var flags = MemoryMarshal.Read<uint>(numbers[4..]);
        if (MemoryMarshal.Read<uint>(numbers) != *(uint*)message || (flags & (Message.VersionMask | Message.ReplyFlag)) != (Message.Version | Message.ReplyFlag)
            || MemoryMarshal.Read<uint>(numbers[8..]) != sizeof(ulong))
        {
            reason = "what it sent is not the answer";
            return -1;
        }
        return MemoryMarshal.Read<ulong>(numbers[Message.HeaderSize..]) == 0 ? 0 : 1;
    }

    static int Fail(int result, ref string? reason)
    {
        // A VMM that is gone is told by the connection's end.
        if (result < 0 && result != -(int)Errno.EAGAIN && result.ToErrno() is not (Errno.EPIPE or Errno.ECONNRESET))
            reason = result.ToErrno().Describe();
        return -1;
    }

    bool WaitFor(short events, long start, out string? reason)
    {
        reason = null;
        var left = _limit - Stopwatch.GetElapsedTime(start);
        Span<PollEntry> entries = [new PollEntry(_socket.Value, events), new PollEntry(_stop, Polling.POLLIN)];
        var ready = Polling.Poll(entries, (int)Math.Clamp(Math.Ceiling(left.TotalMilliseconds), 0, int.MaxValue));
        if (ready == 0)
            reason = $"no answer came in {_limit.TotalSeconds:0.###} s";
        return ready > 0 && entries[1].Returned == 0;
    }
}
