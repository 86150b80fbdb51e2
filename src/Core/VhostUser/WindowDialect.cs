namespace VirtioFsStore.Core.VhostUser;

/// <summary>How a VMM is asked to map files into its window.</summary>
public enum WindowDialect
{
    /// <summary>SHMEM_MAP and SHMEM_UNMAP, which a VMM agrees to (VHOST_USER_PROTOCOL_F_SHMEM): QEMU from 11.1 on.</summary>
    SharedMemory,

    /// <summary>
    /// VHOST_USER_SLAVE_FS_MAP and _UNMAP, which never became part of the specification and which nobody agrees to: QEMU with the patches of virtiofsd's
    /// makers (2019 to 2022), and VMMs made after them. The size of the window is the VMM's own setting.
    /// </summary>
    SlaveFs,
}
