using System.Runtime.CompilerServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Driver.VhostUser;

/// <summary>A message that was received, with the descriptors that came along; those not taken are closed by Dispose.</summary>
public sealed class VhostUserMessage(uint request, uint flags, byte[] payload, int[] descriptors) : IDisposable
{
    /// <summary>Bits 0–1: the version, always 1.</summary>
    public const uint Version = 1;

    public const uint ReplyFlag = 1 << 2;
    public const uint NeedReplyFlag = 1 << 3;
    public const int HeaderSize = 12;

    readonly int[] _descriptors = descriptors;

    public uint Request => request;

    public uint Flags => flags;

    public byte[] Payload => payload;

    public int DescriptorCount => _descriptors.Length;

    public bool IsReply => (flags & ReplyFlag) != 0;

    /// <summary>The whole payload as one value.</summary>
    /// <exception cref="VhostUserProtocolException">It has another size.</exception>
    public T Body<T>()
        where T : unmanaged
    {
        if (payload.Length != Unsafe.SizeOf<T>())
            throw new VhostUserProtocolException($"Message {request} has {payload.Length} bytes where {Unsafe.SizeOf<T>()} were expected.");
        return Unsafe.ReadUnaligned<T>(ref payload[0]);
    }

    /// <summary>Hands a descriptor to the caller, who closes it.</summary>
    public FileDescriptor TakeDescriptor(int index = 0)
    {
        if (index >= _descriptors.Length || _descriptors[index] < 0)
            throw new VhostUserProtocolException($"Message {request} came with {_descriptors.Length} descriptors; number {index} was expected.");
        var fd = _descriptors[index];
        _descriptors[index] = -1;
        return new FileDescriptor(fd);
    }

    public void Dispose()
    {
        foreach (ref var fd in _descriptors.AsSpan())
        {
            if (fd >= 0)
                _ = Descriptors.Close(fd);
            fd = -1;
        }
    }
}
