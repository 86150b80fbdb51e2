using VirtioFsStore.Core.Memory;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>Guest memory and the dirty log.</summary>
sealed partial class VhostUserDevice
{
    /// <summary>What virtiofsd answers too, and the most that QEMU uses.</summary>
    const int MaxMemorySlots = 509;

    const int RegionBytes = 32;

    DirtyLog? _log;

    bool GetMaxMemorySlots(Message message)
    {
        message.ExpectSize(0);
        return ReplyWith(message, MaxMemorySlots);
    }

    /// <summary>u32 regions, u32 padding, then for each u64 guest address, size, user address, mmap offset.</summary>
    bool SetMemoryTable(Message message)
    {
        if (message.Size < 8)
            throw VhostUserException.Violation($"its body has only {message.Size} bytes");
        var count = message.U32(0);
        if (count > Message.MaxDescriptors)
            throw VhostUserException.Violation($"{count} regions are more than {Message.MaxDescriptors}");
        message.ExpectSize(8 + ((int)count * RegionBytes));
        message.ExpectDescriptors((int)count);
        var regions = new List<GuestRegion>();
        try
        {
            for (var i = 0; i < count; i++)
                regions.Add(MapRegion(ReadRegion(message, 8 + (i * RegionBytes)), message.PeekDescriptor(i)));
            PublishMemory(regions);
        }
        catch
        {
            regions.ForEach(region => region.Unmap());
            throw;
        }
        return false;
    }

    bool AddMemoryRegion(Message message)
    {
        message.ExpectSize(8 + RegionBytes);
        message.ExpectDescriptors(1);
        var regions = _memory.Current.Regions;
        if (regions.Length >= MaxMemorySlots)
            throw VhostUserException.Refusal($"all {MaxMemorySlots} memory slots are in use");
        var region = MapRegion(ReadRegion(message, 8), message.PeekDescriptor(0));
        try
        {
            PublishMemory([.. regions, region]);
        }
        catch
        {
            region.Unmap();
            throw;
        }
        return false;
    }

    bool RemoveMemoryRegion(Message message)
    {
        message.ExpectSize(8 + RegionBytes);
        // Older front ends attach the region's descriptor; it is closed.
        if (message.DescriptorCount > 1)
            message.ExpectDescriptors(0);
        var wanted = ReadRegion(message, 8);
        var regions = _memory.Current.Regions.ToArray();
        var region = Array.Find(regions, region => region.Info with { FileOffset = 0 } == wanted with { FileOffset = 0 })
            ?? throw VhostUserException.Refusal($"there is no region of {wanted.Size} bytes at guest address 0x{wanted.GuestAddress:x}");
        PublishMemory(Array.FindAll(regions, other => other != region));
        if (!_memory.WaitUntilUnmapped(region, _options.DrainLimit))
            throw VhostUserException.Refusal($"requests still use the region at guest address 0x{wanted.GuestAddress:x}");
        return false;
    }

    /// <summary>u64 size, u64 offset, and the log's file. Always answered (vhost-user, "Communication").</summary>
    bool SetLogBase(Message message)
    {
        message.ExpectSize(16);
        message.ExpectDescriptors(1);
        Require(ProtocolFeatures.LogShmFd);
        _log = DirtyLog.TryMap(message.PeekDescriptor(0), message.U64(0), message.U64(8), out var error)
            // A migration without a log would corrupt the guest silently.
            ?? throw VhostUserException.Violation($"the dirty log cannot be used: {error}");
        UpdateLogging();
        return ReplyWith(message, 0);
    }

    /// <summary>An eventfd that could tell of changes of the log. Optional: front ends look at the log when they please.</summary>
    static bool SetLogFd(Message message)
    {
        message.ExpectDescriptors(1);
        return false;
    }

    /// <summary>Brings the queues to the state of <see cref="_features"/> and <see cref="_log"/>; when it returns they log accordingly.</summary>
    void UpdateLogging()
    {
        var current = _memory.Current;
        if (current.Log != _log || current.LogsWrites != LogsWrites)
            RepublishMemory();
    }

    bool LogsWrites => _features.HasFlag(DeviceFeatures.LogAll);

    void RepublishMemory()
    {
        _memory.Publish(_memory.Current.With(_log, LogsWrites));
        if (!_memory.WaitUntilCurrent(_options.DrainLimit))
            throw VhostUserException.Violation("a request ran so long that the change could not take effect on its queue");
    }

    void PublishMemory(IEnumerable<GuestRegion> regions)
    {
        if (!GuestMemory.TryCreate(regions, _log, LogsWrites, out var memory, out var error))
            throw VhostUserException.Refusal($"memory {error}");
        _memory.Publish(memory);
    }

    static MemoryRegionInfo ReadRegion(Message message, int offset) =>
        new(message.U64(offset), message.U64(offset + 8), message.U64(offset + 16), message.U64(offset + 24));

    GuestRegion MapRegion(in MemoryRegionInfo info, int fd) =>
        GuestRegion.TryMap(info, fd, out var error, _window is { } window ? window.HasMapped : null)
            ?? throw VhostUserException.Refusal($"the memory region at guest address 0x{info.GuestAddress:x} {error}");
}
