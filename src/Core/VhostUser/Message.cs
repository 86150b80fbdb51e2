using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>
/// One message of the VMM: header, body and descriptors. What nobody takes of the descriptors is closed when the next message
/// is read into this object. The body's bounds are checked by its readers.
/// </summary>
sealed class Message : IDisposable
{
    /// <summary>Header: u32 request, u32 flags, u32 size (vhost-user, "Header").</summary>
    public const int HeaderSize = 12;

    /// <summary>The largest body taken. The largest there is has 32 memory regions: 1,032 bytes.</summary>
    public const int MaxBody = 4096;

    /// <summary>The most descriptors taken: one for each region of a table. QEMU sends 8 at most, others up to 32.</summary>
    public const int MaxDescriptors = 32;

    public const uint VersionMask = 3;
    public const uint Version = 1;
    public const uint ReplyFlag = 4;
    public const uint NeedReplyFlag = 8;

    readonly byte[] _body = new byte[MaxBody];
    readonly int[] _descriptors = new int[MaxDescriptors];
    int _taken;

    public FrontendRequest Request { get; private set; }

    public bool NeedsReply { get; private set; }

    public int Size { get; private set; }

    public int DescriptorCount { get; private set; }

    /// <summary>Where the body is read to, once <see cref="Begin"/> has its size.</summary>
    public Span<byte> Body => _body.AsSpan(0, Size);

    public Span<int> DescriptorSpace => _descriptors;

    /// <summary>Takes a header, and the descriptors that came with it and lie in <see cref="DescriptorSpace"/>.</summary>
    public void Begin(ReadOnlySpan<byte> header, int descriptorCount)
    {
        DescriptorCount = descriptorCount;
        _taken = 0;
        Request = (FrontendRequest)MemoryMarshal.Read<uint>(header);
        var flags = MemoryMarshal.Read<uint>(header[4..]);
        var size = MemoryMarshal.Read<uint>(header[8..]);
        if ((flags & VersionMask) != Version)
            throw VhostUserException.Violation($"its header has version {flags & VersionMask}, not {Version}");
        if ((flags & ReplyFlag) != 0)
            throw VhostUserException.Violation("it is marked as a reply, and nothing was asked");
        if (size > MaxBody)
            throw VhostUserException.Violation($"its body has {size} bytes; the most are {MaxBody}");
        NeedsReply = (flags & NeedReplyFlag) != 0;
        Size = (int)size;
    }

    public void ExpectSize(int size)
    {
        if (Size != size)
            throw VhostUserException.Violation($"its body has {Size} bytes, not {size}");
    }

    public void ExpectDescriptors(int count)
    {
        if (DescriptorCount != count)
            throw VhostUserException.Violation($"it carries {DescriptorCount} descriptors, not {count}");
    }

    public uint U32(int offset) => MemoryMarshal.Read<uint>(Body[offset..]);

    public ushort U16(int offset) => MemoryMarshal.Read<ushort>(Body[offset..]);

    public ulong U64(int offset) => MemoryMarshal.Read<ulong>(Body[offset..]);

    /// <summary>Hands a descriptor to the caller, who closes it. In order.</summary>
    public int TakeDescriptor() => _descriptors[_taken++];

    /// <summary>A descriptor that this object closes.</summary>
    public int PeekDescriptor(int index) => _descriptors[index];

    /// <summary>Closes what was not taken.</summary>
    public void CloseDescriptors()
    {
        while (_taken < DescriptorCount)
            _ = Descriptors.Close(_descriptors[_taken++]);
        DescriptorCount = _taken = 0;
    }

    public void Dispose() => CloseDescriptors();
}
