using VirtioFsStore.Driver.VhostUser;

namespace VirtioFsStore.Driver.Vmm;

/// <summary>The order in which one VMM sends its messages, and which of them it has acknowledged.</summary>
public abstract class VmmProfile
{
    public abstract string Name { get; }

    /// <summary>What this VMM acknowledges of the back-end's offer.</summary>
    public abstract ProtocolFeatures Understood { get; }

    /// <summary>Before the guest's driver is there: negotiation.</summary>
    public abstract void Connect(VirtualMachine machine);

    /// <summary>At DRIVER_OK: features, memory, queues.</summary>
    public abstract void Start(VirtualMachine machine);

    /// <summary>When the driver lets the device go. Returns each queue's next available index.</summary>
    public abstract ushort[] Stop(VirtualMachine machine);

    public override string ToString() => Name;

    public static VmmProfile Qemu11 { get; } = new QemuProfile();

    public static VmmProfile Qemu72 { get; } = new Qemu72Profile();

    public static VmmProfile QemuGenericDevice { get; } = new QemuGenericDeviceProfile();

    public static VmmProfile CloudHypervisor { get; } = new CloudHypervisorProfile();

    public static VmmProfile Crosvm { get; } = new CrosvmProfile();

    public static IReadOnlyList<VmmProfile> All { get; } = [Qemu11, Qemu72, QemuGenericDevice, CloudHypervisor, Crosvm];

    /// <summary>GET_VRING_BASE of every queue.</summary>
    protected static ushort[] StopQueues(VirtualMachine machine)
    {
        var bases = new ushort[machine.Queues.Count];
        for (var i = 0; i < bases.Length; i++)
            bases[i] = (ushort)machine.Frontend.GetVringBase((uint)i);
        return bases;
    }

    /// <summary>Asks how many queues there are, and fails where the guest wants more.</summary>
    protected static void CheckQueueCount(VirtualMachine machine)
    {
        var count = machine.Frontend.GetQueueCount();
        if (count < (ulong)machine.Options.QueueCount)
            throw new VhostUserProtocolException($"The back-end has {count} queues; the machine wants {machine.Options.QueueCount}.");
    }
}
