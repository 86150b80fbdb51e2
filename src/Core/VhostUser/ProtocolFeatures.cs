namespace VirtioFsStore.Core.VhostUser;

/// <summary>VHOST_USER_PROTOCOL_F_*: those this back end has.</summary>
[Flags]
enum ProtocolFeatures : ulong
{
    None = 0,
    MultiQueue = 1UL << 0,
    LogShmFd = 1UL << 1,
    ReplyAck = 1UL << 3,
    BackendReq = 1UL << 5,
    Config = 1UL << 9,
    BackendSendFd = 1UL << 10,
    InflightShmFd = 1UL << 12,
    ResetDevice = 1UL << 13,
    ConfigureMemSlots = 1UL << 15,

    /// <summary>22 in QEMU 11.1; texts older than that say 20.</summary>
    SharedMemory = 1UL << 22,
}
