using System.Runtime.InteropServices;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.Storage;

/// <summary>
/// A request as a file system sees it: who asks, and the names it carries. Pooled by its queue: nothing of it may be kept
/// after the operation has answered.
/// </summary>
public abstract unsafe class RequestContext : TransportRequest
{
    /// <summary>The group id that stands for "no supplementary group was sent".</summary>
    public const uint NoGroup = uint.MaxValue;

    byte* _scratch;
    int _scratchCapacity;
    CancellationTokenSource? _cancellation;
    bool _interrupted;

    ~RequestContext() => Dispose(false);

    public Caller Caller { get; protected set; }

    /// <summary>The caller's supplementary group that matches the parent directory's (FUSE_CREATE_SUPP_GROUP), else <see cref="NoGroup"/>.</summary>
    public uint SupplementaryGroup { get; protected set; } = NoGroup;

    /// <summary>What the new file is to be labelled with before anyone can see it; empty unless the session agreed SECURITY_CTX.</summary>
    public SecurityLabels Labels { get; protected set; }

    /// <summary>The (first) name: one component, 1–255 bytes, no slash, not "." or ".."; for xattr operations the attribute's name.</summary>
    public ByteString Name { get; protected set; }

    /// <summary>RENAME: the new name (same rules). SYMLINK: the target. SETXATTR: the value.</summary>
    public ByteString SecondName { get; protected set; }

    /// <summary>
    /// For xattr operations: the session agreed POSIX_ACL, so the guest's kernel obeys the ACLs it is shown. It then takes any error but
    /// ENODATA for them as a reason to refuse access.
    /// </summary>
    public bool GuestObeysAcls { get; protected set; }

    /// <summary>How long an operation may wait before it is cancelled; from the session's --io-timeout.</summary>
    public TimeSpan WaitLimit { get; protected set; } = Timeout.InfiniteTimeSpan;

    /// <summary>
    /// Cancelled by FUSE_INTERRUPT, when <see cref="WaitLimit"/> is over, and when the session ends. Ask for it only when there is something
    /// to wait for: it is made on first use.
    /// </summary>
    public CancellationToken Cancellation
    {
        get
        {
            if (Volatile.Read(ref _cancellation) is { } known)
                return known.Token;
            var made = new CancellationTokenSource(WaitLimit);
            var earlier = Interlocked.CompareExchange(ref _cancellation, made, null);
            if (earlier is null)
                return made.Token;
            made.Dispose();
            return earlier.Token;
        }
    }

    /// <summary>The request was cancelled because <see cref="WaitLimit"/> is over, and for no other reason.</summary>
    public bool TimedOut => Volatile.Read(ref _cancellation) is { IsCancellationRequested: true } && !Volatile.Read(ref _interrupted);

    /// <summary>
    /// Native memory of at least <paramref name="size"/> bytes that lives as long as the request: for the reply of READLINK,
    /// GETXATTR and LISTXATTR, and for directory listings. A later call may move it.
    /// </summary>
    public byte* Scratch(int size)
    {
        if (size > _scratchCapacity)
        {
            _scratch = (byte*)NativeMemory.Realloc(_scratch, (nuint)size);
            _scratchCapacity = size;
        }
        return _scratch;
    }

    /// <summary>Cancels what the operation waits for, if it waits.</summary>
    protected void CancelWait()
    {
        Volatile.Write(ref _interrupted, true);
        Volatile.Read(ref _cancellation)?.Cancel();
    }

    /// <summary>Before the object serves its next request.</summary>
    protected void ResetContext()
    {
        SupplementaryGroup = NoGroup;
        Name = SecondName = default;
        Labels = default;
        _interrupted = false;
        if (_cancellation is null)
            return;
        _cancellation.Dispose();
        _cancellation = null;
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        NativeMemory.Free(_scratch);
        _scratch = null;
        _scratchCapacity = 0;
        if (disposing)
            _cancellation?.Dispose();
    }
}
