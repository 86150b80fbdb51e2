namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>What a host is asked for (containerd, docs/hosts.md "capabilities").</summary>
[Flags]
enum RegistryCapabilities
{
    None = 0,

    /// <summary>Manifests and blobs by their digest.</summary>
    Pull = 1,

    /// <summary>It is believed what a tag means.</summary>
    Resolve = 2,

    Push = 4,

    All = Pull | Resolve | Push,
}
