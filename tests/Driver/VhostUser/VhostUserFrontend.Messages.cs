using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Interop;
using VirtioFsStore.Driver.Memory;

namespace VirtioFsStore.Driver.VhostUser;

public sealed partial class VhostUserFrontend
{
    /// <summary>Bit 8 of the kick, call and error messages: no descriptor comes along.</summary>
    public const ulong NoDescriptorFlag = 1 << 8;

    public VirtioFeatures GetFeatures() => (VirtioFeatures)AskNumber(VhostUserRequest.GetFeatures);

    public void SetFeatures(VirtioFeatures features, bool acknowledge = false) =>
        Tell(VhostUserRequest.SetFeatures, (ulong)features, acknowledge);

    public ProtocolFeatures GetProtocolFeatures() => (ProtocolFeatures)AskNumber(VhostUserRequest.GetProtocolFeatures);

    public void SetProtocolFeatures(ProtocolFeatures features, bool acknowledge = false) =>
        Tell(VhostUserRequest.SetProtocolFeatures, (ulong)features, acknowledge);

    public void SetOwner(bool acknowledge = false) => Tell(VhostUserRequest.SetOwner, default, acknowledge);

    public void ResetOwner(bool acknowledge = false) => Tell(VhostUserRequest.ResetOwner, default, acknowledge);

    public void ResetDevice(bool acknowledge = false) => Tell(VhostUserRequest.ResetDevice, default, acknowledge);

    public ulong GetQueueCount() => AskNumber(VhostUserRequest.GetQueueNum);

    public ulong GetMaxMemorySlots() => AskNumber(VhostUserRequest.GetMaxMemSlots);

    /// <summary>Announces the regions, at most 8 as the message has places.</summary>
    public void SetMemoryTable(IReadOnlyList<GuestRegion> regions, bool acknowledge = false)
    {
        var payload = new byte[8 + regions.Count * Unsafe.SizeOf<MemoryRegion>()];
        var descriptors = new int[regions.Count];
        MemoryMarshal.Write(payload, (uint)regions.Count);
        for (var i = 0; i < regions.Count; i++)
        {
            MemoryMarshal.Write(payload.AsSpan(8 + i * Unsafe.SizeOf<MemoryRegion>()), Describe(regions[i]));
            descriptors[i] = regions[i].Fd;
        }
        Tell(VhostUserRequest.SetMemTable, payload, acknowledge, descriptors);
    }

    public void AddMemoryRegion(GuestRegion region, bool acknowledge = false) =>
        Tell(VhostUserRequest.AddMemReg, new SingleMemoryRegion { Region = Describe(region) }, acknowledge, region.Fd);

    /// <param name="region">Named by guest address, user address and size.</param>
    /// <param name="acknowledge">Wait for the answer.</param>
    /// <param name="withDescriptor">Some front-ends attach the region's descriptor, which the back-end must tolerate and close.</param>
    public void RemoveMemoryRegion(GuestRegion region, bool acknowledge = false, bool withDescriptor = false)
    {
        var body = new SingleMemoryRegion { Region = Describe(region) };
        if (withDescriptor)
            Tell(VhostUserRequest.RemMemReg, body, acknowledge, region.Fd);
        else
            Tell(VhostUserRequest.RemMemReg, body, acknowledge);
    }

    public void SetVringSize(uint index, uint size, bool acknowledge = false) =>
        Tell(VhostUserRequest.SetVringNum, new VringState(index, size), acknowledge);

    public void SetVringAddress(in VringAddress address, bool acknowledge = false) =>
        Tell(VhostUserRequest.SetVringAddr, address, acknowledge);

    public void SetVringBase(uint index, uint availableIndex, bool acknowledge = false) =>
        Tell(VhostUserRequest.SetVringBase, new VringState(index, availableIndex), acknowledge);

    /// <summary>Stops the queue. Returns the index of the next available entry that the device would have taken.</summary>
    public uint GetVringBase(uint index)
    {
        using var reply = Ask(VhostUserRequest.GetVringBase, Bytes(new VringState(index, 0)));
        var state = reply.Body<VringState>();
        if (state.Index != index)
            throw new VhostUserProtocolException($"GET_VRING_BASE of queue {index} was answered for queue {state.Index}.");
        return state.Number;
    }

    /// <param name="index">The queue.</param>
    /// <param name="fd">The eventfd, or −1 for none: the back-end is to poll.</param>
    /// <param name="acknowledge">Wait for the answer.</param>
    public void SetVringKick(uint index, int fd, bool acknowledge = false) => SetEvent(VhostUserRequest.SetVringKick, index, fd, acknowledge);

    /// <inheritdoc cref="SetVringKick"/>
    public void SetVringCall(uint index, int fd, bool acknowledge = false) => SetEvent(VhostUserRequest.SetVringCall, index, fd, acknowledge);

    /// <inheritdoc cref="SetVringKick"/>
    public void SetVringError(uint index, int fd, bool acknowledge = false) => SetEvent(VhostUserRequest.SetVringErr, index, fd, acknowledge);

    public void EnableVring(uint index, bool enable, bool acknowledge = false) =>
        Tell(VhostUserRequest.SetVringEnable, new VringState(index, enable ? 1u : 0u), acknowledge);

    /// <summary>Hands the bitmap over; this message has a reply of its own (an empty u64) under LOG_SHMFD.</summary>
    public void SetLogBase(DirtyLog log)
    {
        using var reply = Ask(VhostUserRequest.SetLogBase, Bytes(new LogDescription(log.Size, log.Offset)), log.Fd);
    }

    public void SetLogFd(int fd, bool acknowledge = false) => Tell(VhostUserRequest.SetLogFd, default, acknowledge, fd);

    /// <summary>Makes the channel for the back-end's requests and sends its other end.</summary>
    public BackendChannel SetBackendRequestFd(bool acknowledge = false)
    {
        var (ours, theirs) = Native.CreateSocketPair();
        using var peer = new FileDescriptor(theirs);
        _channel?.Dispose();
        _channel = new BackendChannel(new VhostUserSocket(new FileDescriptor(ours)));
        Tell(VhostUserRequest.SetBackendReqFd, default, acknowledge, peer.Value);
        return _channel;
    }

    /// <summary>Reads from the device's configuration space.</summary>
    /// <returns>The bytes; none if the back-end says it has no such range.</returns>
    public byte[] GetConfig(uint offset, uint size)
    {
        var header = Unsafe.SizeOf<ConfigHeader>();
        var payload = new byte[header + size];
        MemoryMarshal.Write(payload, new ConfigHeader(offset, size, 0));
        using var reply = Ask(VhostUserRequest.GetConfig, payload);
        if (reply.Payload.Length == 0)
            return [];
        if (reply.Payload.Length != payload.Length)
            throw new VhostUserProtocolException($"GET_CONFIG of {size} bytes was answered by a payload of {reply.Payload.Length} bytes; {payload.Length} were expected.");
        return reply.Payload[header..];
    }

    /// <summary>Asks for the area that tracks what is in flight.</summary>
    public InflightArea GetInflight(ushort queueCount, ushort queueSize)
    {
        using var reply = Ask(
            VhostUserRequest.GetInflightFd, Bytes(new InflightDescription { QueueCount = queueCount, QueueSize = queueSize }));
        if (reply.Payload.Length is not (20 or 24))
            throw new VhostUserProtocolException($"GET_INFLIGHT_FD was answered by {reply.Payload.Length} bytes.");
        return new InflightArea(
            reply.TakeDescriptor(), MemoryMarshal.Read<ulong>(reply.Payload), MemoryMarshal.Read<ulong>(reply.Payload.AsSpan(8)), queueCount, queueSize);
    }

    public void SetInflight(InflightArea area, bool acknowledge = false) =>
        Tell(
            VhostUserRequest.SetInflightFd,
            new InflightDescription { MapSize = area.Size, MapOffset = area.Offset, QueueCount = area.QueueCount, QueueSize = area.QueueSize },
            acknowledge,
            area.Fd);

    /// <summary>The sizes of the shared memory regions by id; 0 where there is none.</summary>
    public ulong[] GetSharedMemoryConfig()
    {
        using var reply = Ask(VhostUserRequest.GetShmemConfig);
        if (reply.Payload.Length != 8 + 256 * sizeof(ulong))
            throw new VhostUserProtocolException($"GET_SHMEM_CONFIG was answered by {reply.Payload.Length} bytes; it has 2056.");
        return MemoryMarshal.Cast<byte, ulong>(reply.Payload.AsSpan(8)).ToArray();
    }

    internal static MemoryRegion Describe(GuestRegion region) => new()
    {
        GuestAddress = region.GuestAddress,
        Size = region.Size,
        UserAddress = region.UserAddress,
        MapOffset = region.FileOffset,
    };

    void SetEvent(VhostUserRequest request, uint index, int fd, bool acknowledge)
    {
        if (fd < 0)
            Tell(request, index | NoDescriptorFlag, acknowledge);
        else
            Tell(request, (ulong)index, acknowledge, fd);
    }
}
