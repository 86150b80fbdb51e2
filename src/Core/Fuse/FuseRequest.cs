using System.Runtime.InteropServices;
using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Fuse;

/// <summary>
/// One FUSE request: the header and body are copied out of the peer's memory once, and only the copy is looked at. WRITE's
/// data stays where it is.
/// </summary>
sealed unsafe partial class FuseRequest : RequestContext
{
    /// <summary>The largest body that is copied: a SETXATTR value of 64 KiB fits, and a BATCH_FORGET of a megabyte.</summary>
    const int MaxBody = (1 << 20) + (64 << 10);

    /// <summary>A larger input buffer is given back after its request, so that a guest cannot make a daemon keep one per ring slot.</summary>
    const int KeptBody = 128 << 10;

    readonly IoBuffers _replyHeader = new(16);
    readonly TimeSpan _waitLimit;
    byte* _body;
    int _bodyCapacity;
    InHeader _header;

    public FuseRequest(QueueState queue, TimeSpan waitLimit)
    {
        Queue = queue;
        _waitLimit = waitLimit;
        Directory = new FuseDirectoryWriter(this);
    }

    public QueueState Queue { get; }

    /// <summary>The copy that was validated.</summary>
    public ref readonly InHeader Header => ref _header;

    public Opcode Opcode => (Opcode)_header.Opcode;

    public FuseDirectoryWriter Directory { get; }

    /// <summary>Which flags of attributes the session has agreed to.</summary>
    public NodeAttributeFlags ShownFlags { get; set; }

    /// <summary>
    /// Takes the request out of <see cref="TransportRequest.Readable"/>: header, then body. After it, Readable holds WRITE's
    /// data and <see cref="TransportRequest.Writable"/> the room for a reply's body.
    /// </summary>
    public Errno Receive()
    {
        ResetContext();
        WaitLimit = _waitLimit;
        BytesWritten = 0;
        _length = _position = 0;
        _failed = false;
        _replyHeader.Clear();
        Writable.MoveFront(sizeof(OutHeader), _replyHeader);
        _header = default;
        if (TouchableReadable < sizeof(InHeader))
            return Errno.EFAULT;
        fixed (InHeader* header = &_header)
        {
            if (Readable.CopyTo(new Span<byte>(header, sizeof(InHeader))) < sizeof(InHeader))
                return Errno.EINVAL;
        }
        if (_header.Length != Readable.Length)
            return Errno.EINVAL;
        Caller = new Caller(_header.Uid, _header.Gid, _header.Pid);
        Readable.Skip(sizeof(InHeader));
        var length = Opcode == Opcode.FUSE_WRITE ? Math.Min(sizeof(WriteIn), Readable.Length) : Readable.Length;
        if (length > MaxBody)
            return Errno.E2BIG;
        if (length > TouchableReadable - sizeof(InHeader))
            return Errno.EFAULT;
        EnsureBody((int)length + 1);
        _length = Readable.CopyTo(new Span<byte>(_body, (int)length));
        Readable.Skip(length);
        // Whatever the guest sent, a string at the end of the body ends.
        _body[_length] = 0;
        return Errno.None;
    }

    /// <summary>Sets <see cref="RequestContext.GuestObeysAcls"/>.</summary>
    public void SetGuestObeysAcls(bool obeys) => GuestObeysAcls = obeys;

    /// <summary>This request may wait until it is interrupted. Before anything waits.</summary>
    public void WaitWithoutLimit() => WaitLimit = Timeout.InfiniteTimeSpan;

    /// <summary>Cancels what the request waits for; the session makes sure that it is still this request.</summary>
    public void Interrupt() => CancelWait();

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        NativeMemory.Free(_body);
        _body = null;
        _bodyCapacity = 0;
        if (disposing)
            _replyHeader.Dispose();
    }

    void EnsureBody(int size)
    {
        if (size <= _bodyCapacity && (_bodyCapacity <= KeptBody || size > KeptBody))
            return;
        NativeMemory.Free(_body);
        _body = null;
        _bodyCapacity = 0;
        var capacity = Math.Max(size, 4096);
        _body = (byte*)NativeMemory.Alloc((nuint)capacity);
        _bodyCapacity = capacity;
    }
}
