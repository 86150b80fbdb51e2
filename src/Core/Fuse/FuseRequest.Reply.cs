using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.Fuse;

/// <summary>Writes the reply into the peer's buffers. Every method answers true: the request is finished.</summary>
sealed unsafe partial class FuseRequest
{
    /// <summary>FORGET and INTERRUPT have none.</summary>
    public bool NoReply()
    {
        BytesWritten = 0;
        return true;
    }

    /// <summary>A reply that is its header: success, or an error.</summary>
    public bool Reply(Errno error) => ReplyHeader(error, 0);

    /// <summary>A reply with a fixed body. Room that is too small is the guest's mistake.</summary>
    public bool Reply<T>(in T body)
        where T : unmanaged
    {
        fixed (T* bytes = &body)
            return Reply(new ReadOnlySpan<byte>(bytes, sizeof(T)));
    }

    /// <summary>A reply with a body of any length.</summary>
    public bool Reply(ReadOnlySpan<byte> body)
    {
        if (IsRevoked)
            return NoReply();
        if (body.Length > Writable.Length)
            return ReplyHeader(Errno.EINVAL, 0);
        if (body.Length > TouchableWritable - sizeof(OutHeader))
            return ReplyHeader(Errno.EFAULT, 0);
        Writable.Write(body);
        return ReplyHeader(Errno.None, body.Length);
    }

    /// <summary>A reply whose body of <paramref name="length"/> bytes is in its place already.</summary>
    public bool ReplyInPlace(int length) => ReplyHeader(Errno.None, length);

    bool ReplyHeader(Errno error, int length)
    {
        _failed = error != Errno.None;
        if (IsRevoked || _replyHeader.Length < sizeof(OutHeader) || TouchableWritable < sizeof(OutHeader))
            return NoReply();
        var header = new OutHeader { Length = (uint)(sizeof(OutHeader) + length), Error = -(int)error, Unique = _header.Unique };
        _replyHeader.Write(new ReadOnlySpan<byte>(&header, sizeof(OutHeader)));
        BytesWritten = sizeof(OutHeader) + length;
        return true;
    }
}
