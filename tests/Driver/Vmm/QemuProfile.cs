using VirtioFsStore.Driver.VhostUser;

namespace VirtioFsStore.Driver.Vmm;

/// <summary>QEMU 11.1's vhost-user-fs-pci, as recorded.</summary>
public class QemuProfile : VmmProfile
{
    public override string Name => "QEMU 11";

    public override ProtocolFeatures Understood =>
        ProtocolFeatures.Mq | ProtocolFeatures.LogShmfd | ProtocolFeatures.ReplyAck | ProtocolFeatures.BackendReq
        | ProtocolFeatures.BackendSendFd | ProtocolFeatures.InflightShmfd | ProtocolFeatures.ResetDevice
        | ProtocolFeatures.ConfigureMemSlots | ProtocolFeatures.DeviceState | ProtocolFeatures.Shmem;

    public override void Connect(VirtualMachine machine)
    {
        var frontend = machine.Frontend;
        machine.NegotiateFeatures();
        machine.NegotiateProtocol(Understood);
        if (machine.Has(ProtocolFeatures.Mq))
            CheckQueueCount(machine);
        if (machine.Has(ProtocolFeatures.ConfigureMemSlots))
            machine.MemorySlots = (int)Math.Min(frontend.GetMaxMemorySlots(), 509);
        if (machine.Has(ProtocolFeatures.BackendReq))
            frontend.SetBackendRequestFd(Ack(machine));
        if (machine.Options.OwnWindow != 0)
            machine.OpenWindow(machine.Options.OwnWindow);
        frontend.SetOwner();
        _ = frontend.GetFeatures();
        for (uint i = 0; i < machine.Options.QueueCount; i++)
        {
            frontend.SetVringCall(i, machine.Queues[(int)i].Call.Fd, Ack(machine));
            frontend.SetVringError(i, machine.Queues[(int)i].Error.Fd, Ack(machine));
        }
        AfterConnect(machine);
        // The machine's own reset when it is switched on: before any SET_FEATURES.
        if (machine.Has(ProtocolFeatures.ResetDevice))
            machine.ResetDevice();
    }

    public override void Start(VirtualMachine machine)
    {
        var frontend = machine.Frontend;
        var ack = Ack(machine);
        foreach (var queue in machine.Queues)
            frontend.SetVringCall((uint)queue.Index, queue.Call.Fd, ack);
        frontend.SetFeatures(machine.Features);
        if (machine.Has(ProtocolFeatures.ConfigureMemSlots))
            machine.AnnounceMemory();
        else
            frontend.SetMemoryTable(machine.Memory.Regions, machine.Has(ProtocolFeatures.ReplyAck));
        if (machine.Has(ProtocolFeatures.InflightShmfd) && machine.Options.UseInflight)
            machine.PassInflight();
        foreach (var queue in machine.Queues)
        {
            frontend.SetVringSize((uint)queue.Index, queue.Size);
            frontend.SetVringBase((uint)queue.Index, machine.NextBase(queue.Index));
            frontend.SetVringAddress(machine.AddressOf(queue));
            frontend.SetVringKick((uint)queue.Index, queue.Kick.Fd, ack);
        }
        foreach (var queue in machine.Queues)
            frontend.EnableVring((uint)queue.Index, true, ack);
    }

    public override ushort[] Stop(VirtualMachine machine)
    {
        var frontend = machine.Frontend;
        var ack = Ack(machine);
        foreach (var queue in machine.Queues)
            frontend.EnableVring((uint)queue.Index, false, ack);
        var bases = StopQueues(machine);
        foreach (var queue in machine.Queues)
            frontend.SetVringCall((uint)queue.Index, queue.Call.Fd, ack);
        if (machine.Has(ProtocolFeatures.ResetDevice))
            machine.ResetDevice();
        return bases;
    }

    /// <summary>QEMU 11 has its vring messages acknowledged.</summary>
    protected virtual bool Ack(VirtualMachine machine) => machine.Has(ProtocolFeatures.ReplyAck);

    protected virtual void AfterConnect(VirtualMachine machine)
    {
    }
}
