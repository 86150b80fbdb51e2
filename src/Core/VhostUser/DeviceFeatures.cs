namespace VirtioFsStore.Core.VhostUser;

/// <summary>Feature bits of virtio (1.3, 6) and those that vhost adds.</summary>
[Flags]
enum DeviceFeatures : ulong
{
    None = 0,

    /// <summary>VHOST_F_LOG_ALL</summary>
    LogAll = 1UL << 26,

    /// <summary>VIRTIO_F_INDIRECT_DESC</summary>
    IndirectDescriptors = 1UL << 28,

    /// <summary>VIRTIO_F_EVENT_IDX</summary>
    EventIndex = 1UL << 29,

    /// <summary>VHOST_USER_F_PROTOCOL_FEATURES</summary>
    ProtocolFeatures = 1UL << 30,

    /// <summary>VIRTIO_F_VERSION_1</summary>
    Version1 = 1UL << 32,

    Offered = LogAll | IndirectDescriptors | EventIndex | ProtocolFeatures | Version1,
}
