using VirtioFsStore.Driver.VhostUser;

namespace VirtioFsStore.Driver.Vmm;

/// <summary>crosvm, as its source has it: each ring is set up and enabled before the next.</summary>
public sealed class CrosvmProfile : VmmProfile
{
    public override string Name => "crosvm";

    public override ProtocolFeatures Understood =>
        ProtocolFeatures.Mq | ProtocolFeatures.Config | ProtocolFeatures.BackendReq | ProtocolFeatures.BackendSendFd
        | ProtocolFeatures.DeviceState | ProtocolFeatures.Shmem;

    public override void Connect(VirtualMachine machine)
    {
        machine.Frontend.SetOwner();
        machine.NegotiateFeatures();
        machine.NegotiateProtocol(Understood);
        if (machine.Has(ProtocolFeatures.BackendReq))
            machine.Frontend.SetBackendRequestFd();
        if (machine.Has(ProtocolFeatures.Mq))
            CheckQueueCount(machine);
    }

    public override void Start(VirtualMachine machine)
    {
        var frontend = machine.Frontend;
        frontend.SetFeatures(machine.Features);
        frontend.SetMemoryTable(machine.Memory.Regions);
        foreach (var queue in machine.Queues)
        {
            var index = (uint)queue.Index;
            frontend.SetVringSize(index, queue.Size);
            frontend.SetVringAddress(machine.AddressOf(queue));
            frontend.SetVringBase(index, machine.NextBase(queue.Index));
            frontend.SetVringCall(index, queue.Call.Fd);
            frontend.SetVringKick(index, queue.Kick.Fd);
            frontend.EnableVring(index, true);
        }
    }

    public override ushort[] Stop(VirtualMachine machine)
    {
        foreach (var queue in machine.Queues)
            machine.Frontend.EnableVring((uint)queue.Index, false);
        return StopQueues(machine);
    }
}
