namespace VirtioFsStore.GuestRunner;

/// <summary>What the guest's script runs on.</summary>
public enum GuestRootKind
{
    /// <summary>The initramfs, with busybox; the script mounts what it wants.</summary>
    Initramfs,

    /// <summary>A virtio-fs as lower directory of an overlay whose writes go to a tmpfs of the guest.</summary>
    Overlay,

    /// <summary>A virtio-fs that the kernel itself mounts (<c>rootfstype=virtiofs</c>), with no initramfs; it must hold <see cref="GuestTree"/>.</summary>
    Direct,
}
