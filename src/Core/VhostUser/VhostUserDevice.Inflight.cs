using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>The records of requests in flight, which the VMM keeps for the back end after this one.</summary>
sealed partial class VhostUserDevice
{
    InflightArea? _inflight;

    /// <summary>u64 mmap size, u64 mmap offset, u16 queues, u16 queue size. Some front ends pad it to 24 bytes.</summary>
    bool GetInflight(Message message)
    {
        var (queues, size) = ReadInflight(message);
        message.ExpectDescriptors(0);
        var area = InflightArea.Create(queues, size, out var file);
        using (file)
        {
            _inflight?.Dispose();
            _inflight = area;
            Span<byte> reply = stackalloc byte[24];
            message.Body.CopyTo(reply);
            MemoryMarshal.Write(reply, InflightArea.Bytes(queues, size));
            MemoryMarshal.Write(reply[8..], 0UL);
            _channel.Reply(message.Request, reply[..message.Size], file.Value);
        }
        return true;
    }

    bool SetInflight(Message message)
    {
        var (queues, size) = ReadInflight(message);
        message.ExpectDescriptors(1);
        var area = InflightArea.Map(message.PeekDescriptor(0), message.U64(0), message.U64(8), queues, size);
        _inflight?.Dispose();
        _inflight = area;
        return false;
    }

    (int Queues, ushort Size) ReadInflight(Message message)
    {
        if (message.Size != 24)
            message.ExpectSize(20);
        Require(ProtocolFeatures.InflightShmFd);
        var queues = message.U16(16);
        var size = message.U16(18);
        if (queues == 0 || queues > QueueCount)
            throw VhostUserException.Refusal($"there are no {queues} queues; there are up to {QueueCount}");
        if (size is 0 || size > MaxRingSize)
            throw VhostUserException.Refusal($"a split ring cannot have {size} entries");
        if (Array.Exists(_vrings, vring => vring?.Worker is not null))
            throw VhostUserException.Refusal("a queue runs; the records of requests in flight cannot be exchanged");
        return (queues, size);
    }
}
