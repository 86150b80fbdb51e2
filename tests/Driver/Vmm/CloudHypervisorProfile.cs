using VirtioFsStore.Driver.VhostUser;

namespace VirtioFsStore.Driver.Vmm;

/// <summary>
/// cloud-hypervisor, as its source has it: the ring sizes all together, then the rings; the back-end's channel last. Once
/// REPLY_ACK is agreed every message carries NEED_REPLY, those with a reply of their own included.
/// </summary>
public sealed class CloudHypervisorProfile : VmmProfile
{
    public override string Name => "cloud-hypervisor";

    public override ProtocolFeatures Understood =>
        ProtocolFeatures.Mq | ProtocolFeatures.ReplyAck | ProtocolFeatures.InflightShmfd | ProtocolFeatures.LogShmfd
        | ProtocolFeatures.ConfigureMemSlots | ProtocolFeatures.BackendReq | ProtocolFeatures.BackendSendFd | ProtocolFeatures.DeviceState;

    public override void Connect(VirtualMachine machine)
    {
        machine.Frontend.SetOwner();
        machine.NegotiateFeatures();
        machine.NegotiateProtocol(Understood);
        machine.Frontend.AlwaysNeedReply = machine.Has(ProtocolFeatures.ReplyAck);
        if (machine.Has(ProtocolFeatures.Mq))
            CheckQueueCount(machine);
    }

    public override void Start(VirtualMachine machine)
    {
        var frontend = machine.Frontend;
        frontend.SetFeatures(machine.Features);
        frontend.SetMemoryTable(machine.Memory.Regions);
        foreach (var queue in machine.Queues)
            frontend.SetVringSize((uint)queue.Index, queue.Size);
        if (machine.Has(ProtocolFeatures.InflightShmfd))
            machine.PassInflight();
        foreach (var queue in machine.Queues)
        {
            frontend.SetVringAddress(machine.AddressOf(queue));
            frontend.SetVringBase((uint)queue.Index, machine.NextBase(queue.Index));
            frontend.SetVringCall((uint)queue.Index, queue.Call.Fd);
            frontend.SetVringKick((uint)queue.Index, queue.Kick.Fd);
        }
        foreach (var queue in machine.Queues)
            frontend.EnableVring((uint)queue.Index, true);
        if (machine.Has(ProtocolFeatures.BackendReq))
            frontend.SetBackendRequestFd();
    }

    public override ushort[] Stop(VirtualMachine machine)
    {
        foreach (var queue in machine.Queues)
            machine.Frontend.EnableVring((uint)queue.Index, false);
        return StopQueues(machine);
    }
}
