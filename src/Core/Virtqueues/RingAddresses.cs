namespace VirtioFsStore.Core.Virtqueues;

/// <summary>Where the parts of a split ring are: addresses in the VMM's own address space (vhost-user, "A vring address description").</summary>
/// <param name="LogsUsed">VHOST_VRING_F_LOG: writes to the used ring are logged, as if it lay at <paramref name="LogAddress"/>.</param>
readonly record struct RingAddresses(ulong Descriptors, ulong Available, ulong Used, bool LogsUsed, ulong LogAddress)
{
    public static ulong DescriptorBytes(uint size) => 16UL * size;

    /// <summary>flags, idx, ring, used_event (virtio 1.3, 2.7.6).</summary>
    public static ulong AvailableBytes(uint size) => 6 + (2UL * size);

    /// <summary>flags, idx, ring, avail_event (virtio 1.3, 2.7.8).</summary>
    public static ulong UsedBytes(uint size) => 6 + (8UL * size);

    public bool IsAligned => Descriptors % 16 == 0 && Available % 2 == 0 && Used % 4 == 0;
}
