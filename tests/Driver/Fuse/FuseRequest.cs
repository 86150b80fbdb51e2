using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using VirtioFsStore.Driver.Fuse.Wire;
using VirtioFsStore.Driver.Memory;

namespace VirtioFsStore.Driver.Fuse;

/// <summary>
/// A request's place in guest memory: bytes to send and room for the reply. Belongs to a <see cref="FuseQueue"/>, which hands
/// it out and takes it back; allocates nothing in between.
/// </summary>
public sealed unsafe class FuseRequest
{
    public const int HeaderSize = 40;
    public const int ReplyHeaderSize = 16;

    readonly byte* _request;
    readonly byte* _reply;

    internal FuseRequest(GuestMemory memory, int slot, int requestCapacity, int replyCapacity)
    {
        Slot = slot;
        RequestCapacity = requestCapacity;
        ReplyCapacity = replyCapacity;
        RequestAddress = memory.Allocate((ulong)requestCapacity, 8);
        ReplyAddress = memory.Allocate((ulong)replyCapacity, 8);
        _request = memory.Translate(RequestAddress, (ulong)requestCapacity);
        _reply = memory.Translate(ReplyAddress, (ulong)replyCapacity);
    }

    internal int Slot { get; }

    public int RequestCapacity { get; }

    public int ReplyCapacity { get; }

    public ulong RequestAddress { get; }

    public ulong ReplyAddress { get; }

    /// <summary>Bytes to send.</summary>
    public int RequestLength { get; private set; }

    /// <summary>Room that the device is given for the reply, header included; 0 for FORGET.</summary>
    public int ReplyRoom { get; private set; }

    public ulong Unique { get; private set; }

    /// <summary>The device has given the chain back.</summary>
    public bool IsDone { get; internal set; }

    /// <summary>It is in the queue and has not come back.</summary>
    public bool IsPosted { get; internal set; }

    /// <summary>Bytes that the device said it wrote.</summary>
    public int ReplyLength { get; internal set; }

    /// <summary>The reply's error as a positive errno; 0 for success.</summary>
    public int Error => -Header.Error;

    /// <summary>The reply's header; only where there is a reply.</summary>
    public ref readonly FuseOutHeader Header => ref Unsafe.AsRef<FuseOutHeader>(_reply);

    /// <summary>The reply without its header, in guest memory: gone when the request is returned.</summary>
    public ReadOnlySpan<byte> Body => ReplyLength <= ReplyHeaderSize ? default : new(_reply + ReplyHeaderSize, ReplyLength - ReplyHeaderSize);

    /// <summary>The bytes to send, to make them wrong.</summary>
    public Span<byte> RawRequest => new(_request, RequestCapacity);

    /// <summary>The whole reply area.</summary>
    public Span<byte> RawReply => new(_reply, ReplyCapacity);

    /// <summary>Starts a request. Its header's length is set when it is posted.</summary>
    public FuseRequest Begin(FuseOpcode opcode, ulong nodeId, in FuseCaller caller, int replyRoom)
    {
        if (replyRoom > ReplyCapacity)
            throw new ArgumentOutOfRangeException(nameof(replyRoom), $"This queue's requests have room for replies of {ReplyCapacity} bytes.");
        ref var header = ref Unsafe.AsRef<FuseInHeader>(_request);
        header = new FuseInHeader { Opcode = (uint)opcode, NodeId = nodeId, Uid = caller.Uid, Gid = caller.Gid, Pid = caller.Pid };
        RequestLength = HeaderSize;
        ReplyRoom = replyRoom;
        return this;
    }

    public FuseRequest Append<T>(in T body)
        where T : unmanaged => AppendBytes(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in body)));

    public FuseRequest AppendBytes(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(new Span<byte>(_request + RequestLength, RequestCapacity - RequestLength));
        RequestLength += bytes.Length;
        return this;
    }

    /// <summary>A name and its NUL.</summary>
    public FuseRequest AppendName(ReadOnlySpan<byte> name)
    {
        AppendBytes(name);
        return AppendBytes([0]);
    }

    /// <summary>FUSE_CREATE_SUPP_GROUP: one supplementary group as an extension behind the body.</summary>
    public FuseRequest AppendSupplementaryGroup(uint group)
    {
        const uint FuseExtGroups = 32;
        Append(new FuseExtensionHeader { Size = 16, Type = FuseExtGroups });
        Append(1u);
        Append(group);
        Unsafe.AsRef<FuseInHeader>(_request).ExtensionLength += 2;
        return this;
    }

    /// <summary>FUSE_SECURITY_CTX: labels as an extension behind the body, as Linux's get_security_context makes it.</summary>
    /// <param name="labels">Attributes and values.</param>
    /// <param name="announced">The header tells the extension's length: since 7.38.</param>
    public FuseRequest AppendSecurityLabels(IReadOnlyCollection<(string Name, byte[] Value)> labels, bool announced)
    {
        var start = RequestLength;
        Append(new FuseExtensionHeader { Type = (uint)labels.Count });
        foreach (var (name, value) in labels)
        {
            Append((uint)value.Length).Append(0u).AppendName(System.Text.Encoding.UTF8.GetBytes(name)).AppendBytes(value);
            while ((RequestLength - start) % 8 != 0)
                AppendBytes([0]);
        }
        MemoryMarshal.Write(RawRequest[start..], (uint)(RequestLength - start));
        if (announced)
            Unsafe.AsRef<FuseInHeader>(_request).ExtensionLength += (ushort)((RequestLength - start) / 8);
        return this;
    }

    /// <summary>The reply's body as one structure.</summary>
    /// <exception cref="FuseProtocolException">It has another size.</exception>
    public ref readonly T Result<T>()
        where T : unmanaged
    {
        if (ReplyLength != ReplyHeaderSize + sizeof(T))
            throw new FuseProtocolException($"The reply has {ReplyLength} bytes; a header and {typeof(T).Name} are {ReplyHeaderSize + sizeof(T)}.");
        return ref Unsafe.AsRef<T>(_reply + ReplyHeaderSize);
    }

    internal void Seal(ulong unique)
    {
        Unique = unique;
        ref var header = ref Unsafe.AsRef<FuseInHeader>(_request);
        header.Unique = unique;
        header.Length = (uint)RequestLength;
        IsDone = false;
        ReplyLength = 0;
    }

    /// <summary>Sends other bytes than the length in the header says, or with less room: for requests that are wrong on purpose.</summary>
    public FuseRequest Resize(int requestLength, int replyRoom)
    {
        RequestLength = requestLength;
        ReplyRoom = replyRoom;
        return this;
    }
}
