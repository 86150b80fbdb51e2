using VirtioFsStore.Driver.VhostUser;

namespace VirtioFsStore.Driver.Vmm;

/// <summary>
/// QEMU 7.2: SET_MEM_TABLE (asked to be acknowledged), ring messages that nobody acknowledges, no device reset for
/// vhost-user-fs.
/// </summary>
public sealed class Qemu72Profile : QemuProfile
{
    public override string Name => "QEMU 7.2";

    public override ProtocolFeatures Understood =>
        ProtocolFeatures.Mq | ProtocolFeatures.LogShmfd | ProtocolFeatures.ReplyAck | ProtocolFeatures.BackendReq
        | ProtocolFeatures.BackendSendFd | ProtocolFeatures.InflightShmfd;

    protected override bool Ack(VirtualMachine machine) => false;
}
