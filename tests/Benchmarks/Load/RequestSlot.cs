using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using VirtioFsStore.Driver.Memory;

namespace VirtioFsStore.Benchmarks.Load;

/// <summary>
/// One outstanding request's place in guest memory, cut into descriptors as Linux's driver cuts it (fs/fuse/virtio_fs.c): the
/// header, the arguments, and a page of data each. Nothing is allocated per request.
/// </summary>
sealed unsafe class RequestSlot
{
    const int HeaderRoom = 64;
    const int ArgumentRoom = 512;
    const int ReplyRoom = 4096 + 512;

    readonly byte* _header;
    readonly byte* _arguments;
    readonly byte* _replyHeader;
    readonly byte* _reply;
    readonly byte* _data;
    readonly ulong _argumentAddress;
    readonly ulong _replyAddress;
    readonly GuestSegment[] _dataPages;
    readonly GuestSegment[] _readable;
    readonly GuestSegment[] _writable;
    int _readableCount;
    int _writableCount;
    int _argumentLength;

    public RequestSlot(GuestMemory memory, int index, int dataCapacity)
    {
        Index = index;
        var header = memory.Allocate(HeaderRoom, 64);
        _argumentAddress = memory.Allocate(ArgumentRoom, 64);
        var replyHeader = memory.Allocate(HeaderRoom, 64);
        _replyAddress = memory.Allocate(ReplyRoom, 64);
        var data = memory.Allocate((ulong)dataCapacity, GuestMemory.PageSize);
        _header = memory.Translate(header, HeaderRoom);
        _arguments = memory.Translate(_argumentAddress, ArgumentRoom);
        _replyHeader = memory.Translate(replyHeader, HeaderRoom);
        _reply = memory.Translate(_replyAddress, ReplyRoom);
        _data = memory.Translate(data, (ulong)dataCapacity);
        _dataPages = new GuestSegment[dataCapacity / (int)GuestMemory.PageSize];
        for (var i = 0; i < _dataPages.Length; i++)
            _dataPages[i] = new GuestSegment(data + (ulong)i * GuestMemory.PageSize, (uint)GuestMemory.PageSize);
        _readable = new GuestSegment[2 + _dataPages.Length];
        _writable = new GuestSegment[2 + _dataPages.Length];
        _readable[0] = new GuestSegment(header, FuseRequest.HeaderSize);
        _writable[0] = new GuestSegment(replyHeader, FuseRequest.ReplyHeaderSize);
    }

    public int Index { get; }

    public ReadOnlySpan<GuestSegment> Readable => _readable.AsSpan(0, _readableCount);

    public ReadOnlySpan<GuestSegment> Writable => _writable.AsSpan(0, _writableCount);

    /// <summary>When the operation began (Stopwatch).</summary>
    public long Started { get; set; }

    /// <summary>How far a workload's operation of several requests is.</summary>
    public int Step { get; set; }

    /// <summary>What a workload remembers from one request of an operation to the next.</summary>
    public ulong Node { get; set; }

    /// <inheritdoc cref="Node"/>
    public ulong Handle { get; set; }

    /// <inheritdoc cref="Node"/>
    public ulong Offset { get; set; }

    /// <summary>Whole pages that a READ was answered with or a WRITE sends.</summary>
    public Span<byte> Data => new(_data, _dataPages.Length * (int)GuestMemory.PageSize);

    /// <summary>Starts a request; arguments, then room for the reply or data follow.</summary>
    public RequestSlot Begin(FuseOpcode opcode, ulong node)
    {
        ref var header = ref Unsafe.AsRef<FuseInHeader>(_header);
        header.Opcode = (uint)opcode;
        header.NodeId = node;
        _argumentLength = 0;
        _readableCount = _writableCount = 1;
        return this;
    }

    public RequestSlot Argument<T>(in T argument)
        where T : unmanaged => Bytes(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in argument)));

    /// <param name="name">With its NUL.</param>
    public RequestSlot Bytes(ReadOnlySpan<byte> name)
    {
        name.CopyTo(new Span<byte>(_arguments + _argumentLength, ArgumentRoom - _argumentLength));
        _argumentLength += name.Length;
        _readable[1] = new GuestSegment(_argumentAddress, (uint)_argumentLength);
        _readableCount = 2;
        return this;
    }

    /// <summary>Room for a reply of that many bytes beside its header.</summary>
    public RequestSlot Reply(int length)
    {
        _writable[1] = new GuestSegment(_replyAddress, (uint)length);
        _writableCount = 2;
        return this;
    }

    public RequestSlot Reply<T>()
        where T : unmanaged => Reply(sizeof(T));

    /// <summary>Pages for the reply's data.</summary>
    public RequestSlot ReplyData(int length)
    {
        var pages = length / (int)GuestMemory.PageSize;
        _dataPages.AsSpan(0, pages).CopyTo(_writable.AsSpan(1));
        _writableCount = 1 + pages;
        return this;
    }

    /// <summary>Pages of data that follow the arguments.</summary>
    public RequestSlot SendData(int length)
    {
        var pages = length / (int)GuestMemory.PageSize;
        _dataPages.AsSpan(0, pages).CopyTo(_readable.AsSpan(2));
        _readableCount = 2 + pages;
        return this;
    }

    /// <summary>Gives the request its identity, as the last thing before it goes into the ring.</summary>
    public void Seal(ulong unique)
    {
        ref var header = ref Unsafe.AsRef<FuseInHeader>(_header);
        header.Unique = unique;
        header.Length = (uint)(FuseRequest.HeaderSize + _argumentLength) + (uint)(_readableCount - 2 > 0 ? _readableCount - 2 : 0) * (uint)GuestMemory.PageSize;
    }

    /// <summary>The reply's body in the reply area.</summary>
    public ref readonly T Result<T>()
        where T : unmanaged => ref Unsafe.AsRef<T>(_reply);

    /// <summary>Checks a reply as far as a benchmark must, so that it does not measure errors. Returns the body's length.</summary>
    /// <exception cref="FuseErrorException">The operation failed.</exception>
    /// <exception cref="FuseProtocolException">It is not this request's reply.</exception>
    public int Check(uint length)
    {
        ref readonly var reply = ref Unsafe.AsRef<FuseOutHeader>(_replyHeader);
        ref readonly var request = ref Unsafe.AsRef<FuseInHeader>(_header);
        if (reply.Unique != request.Unique || reply.Length != length)
            throw new FuseProtocolException(
                $"A reply of {length} bytes says it has {reply.Length} and is for request {reply.Unique}, not {request.Unique} ({(FuseOpcode)request.Opcode}).");
        if (reply.Error != 0)
            throw new InvalidOperationException($"{(FuseOpcode)request.Opcode} of node {request.NodeId} failed.", new FuseErrorException(-reply.Error));
        return (int)length - FuseRequest.ReplyHeaderSize;
    }
}
