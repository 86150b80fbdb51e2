namespace VirtioFsStore.Driver.VhostUser;

/// <summary>Feature bits of the device (virtio 1.2, section 6) and the one that vhost-user lends itself.</summary>
[Flags]
public enum VirtioFeatures : ulong
{
    None = 0,

    /// <summary>VHOST_F_LOG_ALL: log every page that is written.</summary>
    LogAll = 1UL << 26,
    RingIndirectDescriptors = 1UL << 28,
    RingEventIndex = 1UL << 29,

    /// <summary>VHOST_USER_F_PROTOCOL_FEATURES.</summary>
    ProtocolFeatures = 1UL << 30,
    Version1 = 1UL << 32,
    AccessPlatform = 1UL << 33,
    RingPacked = 1UL << 34,
}
