namespace VirtioFsStore.Core.Mounts;

/// <summary>What a request does with the file system of a mount, as far as it matters where the mount is being removed.</summary>
enum UsageKind
{
    /// <summary>Goes on with what is open: done until the last handle is closed.</summary>
    GoOn,

    /// <summary>Looks up, makes or removes a name: done while it is mounted.</summary>
    Name,

    /// <summary>Opens a file or directory: done while it is mounted, and keeps it in use until it is closed.</summary>
    Open,

    /// <summary>Closes one.</summary>
    Close,
}
