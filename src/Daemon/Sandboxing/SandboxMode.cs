namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>What separates the server that faces the guest from the host.</summary>
enum SandboxMode
{
    /// <summary>Nothing: one process, with what rights its caller has.</summary>
    None,

    /// <summary>A root directory of its own.</summary>
    Chroot,

    /// <summary>Namespaces of its own: mounts, network, IPC and host name.</summary>
    Namespace,
}
