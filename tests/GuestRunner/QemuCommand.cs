namespace VirtioFsStore.GuestRunner;

/// <summary>QEMU's command line for a guest.</summary>
static class QemuCommand
{
    public const string InitramfsName = "initramfs";
    public const string ConsoleName = "console";
    public const string StatusName = "status";

    /// <summary>virtio 1.3, 5.11.1.</summary>
    const int VirtioFsId = 26;

    /// <summary>virtio 1.3, 5.11.4: the tag and the number of request queues.</summary>
    const int ConfigurationSize = 40;

    const int QueueSize = 1024;

    /// <summary>The arguments; the guest's files lie in <paramref name="directory"/>.</summary>
    public static List<string> Arguments(GuestOptions options, RealParts parts, string directory, bool kvm, bool oldQemu)
    {
        List<string> arguments =
        [
            .. Machine(kvm, oldQemu),
            "-M", "q35,memory-backend=memory",
            "-m", $"{options.MemoryMiB}",
            "-smp", $"{options.Cpus}",
            // vhost-user devices need memory that the daemon can map.
            "-object", $"memory-backend-memfd,id=memory,size={options.MemoryMiB}M,share=on",
            "-device", "virtio-serial-pci,max_ports=3",
            "-chardev", $"file,id=status,path={directory}/{StatusName}",
            "-device", $"virtserialport,chardev=status,name={GuestInit.StatusPort}",
            "-kernel", options.Kernel ?? parts.Kernel,
            "-append", KernelLine(options),
        ];
        if (options.Shell)
        {
            arguments.AddRange("-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console");
        }
        else
        {
            arguments.AddRange(
                "-serial", $"file:{directory}/{ConsoleName}",
                "-chardev", "stdio,id=output,signal=off",
                "-device", $"virtserialport,chardev=output,name={GuestInit.OutputPort}");
        }

        if (options.Root.Kind != GuestRootKind.Direct)
        {
            arguments.AddRange("-initrd", $"{directory}/{InitramfsName}");
        }

        for (var i = 0; i < options.FileSystems.Count; i++)
        {
            var device = options.FileSystems[i];
            arguments.AddRange(
                "-chardev", $"socket,id=fs{i},path={device.Socket}",
                "-device", device.Window
                    ? $"vhost-user-test-device-pci,chardev=fs{i},virtio-id={VirtioFsId},num_vqs={1 + device.RequestQueues},vq_size={QueueSize},config_size={ConfigurationSize}"
                    : $"vhost-user-fs-pci,chardev=fs{i},tag={device.Tag},num-request-queues={device.RequestQueues},queue-size={QueueSize}");
        }

        for (var i = 0; i < options.NinePShares.Count; i++)
        {
            var share = options.NinePShares[i];
            arguments.AddRange(
                "-fsdev", $"local,id=share{i},path={share.Directory},security_model=none",
                "-device", $"virtio-9p-pci,fsdev=share{i},mount_tag={share.Tag}");
        }

        return arguments;
    }

    /// <summary>The arguments of a guest that has a kernel and a serial console, and no more.</summary>
    public static List<string> Probe(RealParts parts, string console) =>
    [
        .. Machine(kvm: true, oldQemu: false),
        "-M", "q35", "-m", "256", "-serial", $"file:{console}", "-kernel", parts.Kernel, "-append", "console=ttyS0 panic=-1",
    ];

    static IEnumerable<string> Machine(bool kvm, bool oldQemu) =>
    [
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-accel", kvm ? "kvm" : "tcg,thread=multi",
        // A plain CPU keeps the C library from vector code that is slow to emulate; rdrand fills the kernel's pool at once.
        // QEMU 7.2 emulates cmpxchg16b wrongly: guests that use it panic at random.
        "-cpu", kvm ? "host" : oldQemu ? "qemu64,+rdrand,-cx16" : "qemu64,+rdrand",
    ];

    static string KernelLine(GuestOptions options)
    {
        var line = "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on tsc=reliable";
        return options.Root is { Kind: GuestRootKind.Direct, Tag: var tag }
            ? $"{line} rootfstype=virtiofs root={tag} rw init=/init"
            : line;
    }

    static void AddRange(this List<string> list, params ReadOnlySpan<string> items) => CollectionExtensions.AddRange(list, items);
}
