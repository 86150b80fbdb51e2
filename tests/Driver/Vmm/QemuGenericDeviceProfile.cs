using System.Runtime.InteropServices;
using VirtioFsStore.Driver.VhostUser;

namespace VirtioFsStore.Driver.Vmm;

/// <summary>QEMU 11.1's generic device (vhost-user-test-device-pci): the configuration space comes from the back-end, byte by byte in effect.</summary>
public sealed class QemuGenericDeviceProfile : QemuProfile
{
    /// <summary>struct virtio_fs_config: tag[36], le32 num_request_queues (virtio 1.2, 5.11.4).</summary>
    const int ConfigSize = 40;

    public override string Name => "QEMU generic device";

    public override ProtocolFeatures Understood => base.Understood | ProtocolFeatures.Config;

    protected override void AfterConnect(VirtualMachine machine)
    {
        if (machine.Has(ProtocolFeatures.Shmem))
        {
            machine.SharedMemorySizes = machine.Frontend.GetSharedMemoryConfig();
            machine.OpenWindow(machine.SharedMemorySizes[0]);
        }
        if (!machine.Has(ProtocolFeatures.Config))
            return;
        machine.Configuration = machine.Frontend.GetConfig(0, ConfigSize);
        // The guest's driver reads the fields one by one; each read is a message.
        for (uint offset = 0; offset < ConfigSize; offset += 4)
        {
            var part = machine.Frontend.GetConfig(offset, 4);
            if (!part.AsSpan().SequenceEqual(machine.Configuration.AsSpan((int)offset, 4)))
                throw new VhostUserProtocolException($"GET_CONFIG of 4 bytes at {offset} differs from the whole.");
        }
        var queues = MemoryMarshal.Read<uint>(machine.Configuration.AsSpan(36));
        if (queues == 0)
            throw new VhostUserProtocolException("The configuration space announces no request queue.");
    }
}
