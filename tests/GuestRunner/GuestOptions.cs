namespace VirtioFsStore.GuestRunner;

/// <summary>What to boot, and what to run in it.</summary>
public sealed record GuestOptions
{
    /// <summary>
    /// Shell text: for busybox's shell in the initramfs or in a <see cref="GuestRootKind.Direct"/> root, for the root's own
    /// /bin/sh in an overlay root. Its output is the guest's output, its input what <see cref="GuestMachine.SendLineAsync"/> sends.
    /// </summary>
    public string Script { get; init; } = "";

    public GuestRoot Root { get; init; }

    public IReadOnlyList<FileSystemDevice> FileSystems { get; init; } = [];

    /// <summary>Tags of <see cref="FileSystems"/> that are mounted before the script runs, and where.</summary>
    public IReadOnlyList<(string Tag, string Directory)> Mounts { get; init; } = [];

    /// <summary>The mount option dax of those and of an overlay root's: always, inode, never; null for none, which is as inode.</summary>
    public string? Dax { get; init; }

    /// <summary>Directories that QEMU itself serves; the script mounts them.</summary>
    public IReadOnlyList<NinePShare> NinePShares { get; init; } = [];

    /// <summary>The kernel, an ELF file; null for the one of <see cref="RealParts"/>.</summary>
    public string? Kernel { get; init; }

    /// <summary>The kernel's modules (.ko files) that /init loads, in this order.</summary>
    public IReadOnlyList<string> Modules { get; init; } = [];

    /// <summary>Puts git, SQLite, Python and the tools for attributes into the initramfs.</summary>
    public bool Tools { get; init; }

    /// <summary>Puts overlay.ko into the initramfs, where an overlay root has it anyway.</summary>
    public bool OverlayModule { get; init; }

    /// <summary>Wires the guest's serial console to this terminal and runs a shell instead of <see cref="Script"/>.</summary>
    public bool Shell { get; init; }

    public int MemoryMiB { get; init; } = 512;

    public int Cpus { get; init; } = 1;

    public Accelerator Accelerator { get; init; }

    /// <summary>The QEMU program; null for the one of <see cref="RealParts"/>.</summary>
    public string? Qemu { get; init; }

    /// <summary>The guest is killed when it has run for so long.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(2);
}
