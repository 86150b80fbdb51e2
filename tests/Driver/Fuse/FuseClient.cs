using System.Runtime.CompilerServices;
using VirtioFsStore.Driver.Fuse.Wire;

namespace VirtioFsStore.Driver.Fuse;

/// <summary>
/// A guest's file system client: every operation of FUSE 7.45, one call each, over a request queue and (for FORGET and
/// INTERRUPT) the hiprio queue. Used by one thread at a time. Calls that return no array allocate nothing.
/// </summary>
public sealed partial class FuseClient(FuseQueue requests, FuseQueue hiprio)
{
    /// <summary>FUSE_ROOT_ID.</summary>
    public const ulong Root = 1;

    public FuseQueue Requests => requests;

    public FuseQueue Hiprio => hiprio;

    /// <summary>In whose name requests are made; root unless set.</summary>
    public FuseCaller Caller { get; set; } = new(0, 0);

    /// <summary>Sent along with operations that create (FUSE_CREATE_SUPP_GROUP), if set.</summary>
    public uint? SupplementaryGroup { get; set; }

    /// <summary>Sent along with operations that create (FUSE_SECURITY_CTX), if set; an empty list is sent too, as Linux does without a security module.</summary>
    public IReadOnlyCollection<(string Name, byte[] Value)>? Labels { get; set; }

    /// <summary>7.minor of the last <see cref="Init"/>: how extensions are sent.</summary>
    public uint Minor { get; private set; } = 45;

    /// <summary>The answer to <see cref="Init"/>.</summary>
    public FuseInitOut Session { get; private set; }

    /// <summary>Takes over a session that another queue of the same device initialized.</summary>
    public void Adopt(in FuseInitOut session) => Session = session;

    /// <summary>Flags that both sides agreed on.</summary>
    public FuseInitFlags Agreed => (FuseInitFlags)(Session.Flags | ((ulong)Session.Flags2 << 32));

    /// <summary>Whether SETXATTR takes the extended form.</summary>
    public bool ExtendedSetXattr => Agreed.HasFlag(FuseInitFlags.SetXattrExt);

    /// <summary>INIT as Linux sends it.</summary>
    /// <param name="minor">7.minor.</param>
    /// <param name="offered">INIT_EXT among them decides whether the extended form (64 bytes, 7.36) is sent.</param>
    /// <param name="maxReadahead">Bytes.</param>
    public FuseResult<FuseInitOut> Init(uint minor = 45, FuseInitFlags offered = FuseInitFlags.Linux, uint maxReadahead = 1 << 20)
    {
        var result = TryInit(7, minor, offered, maxReadahead);
        if (result.Error == 0)
            (Session, Minor) = (result.Body, minor);
        return result;
    }

    /// <summary>INIT without remembering the answer; the reply may be one of the short forms of old versions, whose missing fields are 0 here.</summary>
    public FuseResult<FuseInitOut> TryInit(uint major, uint minor, FuseInitFlags offered, uint maxReadahead = 1 << 20)
    {
        var request = BeginInit(major, minor, offered, maxReadahead);
        requests.Call(request);
        var answer = default(FuseInitOut);
        var error = request.Error;
        if (error == 0)
        {
            if (request.Body.Length is not (8 or 24 or 64))
                throw new FuseProtocolException($"The reply of INIT has a body of {request.Body.Length} bytes; 8, 24 and 64 exist.");
            request.Body.CopyTo(System.Runtime.InteropServices.MemoryMarshal.AsBytes(new Span<FuseInitOut>(ref answer)));
        }
        requests.Return(request);
        return new FuseResult<FuseInitOut>(error, answer);
    }

    /// <summary>INIT to be posted by hand.</summary>
    public FuseRequest BeginInit(uint major = 7, uint minor = 45, FuseInitFlags offered = FuseInitFlags.LinuxDax, uint maxReadahead = 1 << 20)
    {
        var extended = minor >= 36;
        var low = (uint)((ulong)offered & 0xFFFF_FFFF);
        if (!extended)
            low &= ~(uint)FuseInitFlags.InitExt;
        var request = BeginFor<FuseInitOut>(FuseOpcode.Init, 0).Append(new FuseInitIn
        {
            Major = major,
            Minor = minor,
            MaxReadahead = maxReadahead,
            Flags = low,
            Flags2 = extended ? (uint)((ulong)offered >> 32) : 0,
        });
        if (!extended)
            request.Resize(FuseRequest.HeaderSize + 16, request.ReplyRoom);
        return request;
    }

    public int Destroy() => Run(Begin(FuseOpcode.Destroy, 0));

    /// <summary>Starts a request by hand: append its body, then <see cref="Run(FuseRequest)"/> or post it.</summary>
    /// <param name="opcode">The operation.</param>
    /// <param name="nodeId">The inode.</param>
    /// <param name="replyRoom">Bytes for the reply with its header; by default the header alone.</param>
    public FuseRequest Begin(FuseOpcode opcode, ulong nodeId, int replyRoom = FuseRequest.ReplyHeaderSize) =>
        requests.Rent().Begin(opcode, nodeId, Caller, replyRoom);

    /// <summary>As <see cref="Begin"/>, with room for a reply of that structure.</summary>
    public FuseRequest BeginFor<T>(FuseOpcode opcode, ulong nodeId)
        where T : unmanaged => Begin(opcode, nodeId, FuseRequest.ReplyHeaderSize + Unsafe.SizeOf<T>());

    /// <summary>Runs a request that answers an error only. Returns a positive errno, or 0.</summary>
    public int Run(FuseRequest request)
    {
        requests.Call(request);
        var error = request.Error;
        if (error == 0 && request.ReplyLength != FuseRequest.ReplyHeaderSize)
            throw new FuseProtocolException($"The reply has {request.ReplyLength - FuseRequest.ReplyHeaderSize} bytes of body where none belongs.");
        requests.Return(request);
        return error;
    }

    /// <summary>Runs a request that answers one structure.</summary>
    public FuseResult<T> Run<T>(FuseRequest request)
        where T : unmanaged
    {
        requests.Call(request);
        var error = request.Error;
        var result = error == 0 ? new FuseResult<T>(0, request.Result<T>()) : new FuseResult<T>(error, default);
        requests.Return(request);
        return result;
    }

    /// <summary>Runs a request that answers bytes, copied into <paramref name="into"/>.</summary>
    public FuseResult<int> RunInto(FuseRequest request, Span<byte> into)
    {
        requests.Call(request);
        var error = request.Error;
        var length = error == 0 ? request.Body.Length : 0;
        if (error == 0)
            request.Body.CopyTo(into);
        requests.Return(request);
        return new FuseResult<int>(error, length);
    }

    /// <summary>Runs a request that answers bytes.</summary>
    public FuseResult<byte[]> RunForBytes(FuseRequest request)
    {
        requests.Call(request);
        var error = request.Error;
        var body = error == 0 ? request.Body.ToArray() : [];
        requests.Return(request);
        return new FuseResult<byte[]>(error, body);
    }

    FuseRequest WithExtensions(FuseRequest request)
    {
        if (Labels is { } labels)
            request.AppendSecurityLabels(labels, announced: Minor >= 38);
        return SupplementaryGroup is { } group ? request.AppendSupplementaryGroup(group) : request;
    }
}
