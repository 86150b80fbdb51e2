namespace VirtioFsStore.Core.DevFuse;

/// <summary>How a file system is mounted on this host.</summary>
public sealed record DevFuseOptions
{
    /// <summary>A directory.</summary>
    public required string MountPoint { get; init; }

    /// <summary>What the mount table shows as the device.</summary>
    public string Source { get; init; } = "virtiofs-store";

    /// <summary>Users other than the one who mounted may use it.</summary>
    public bool AllowOther { get; init; } = true;

    /// <summary>The kernel checks permissions by mode, owner and ACL; without it, whoever gets at the mount may do all the daemon may.</summary>
    public bool DefaultPermissions { get; init; } = true;

    public bool ReadOnly { get; init; }

    public bool NoSuid { get; init; }

    public bool NoDevices { get; init; }

    /// <summary>Threads that read requests.</summary>
    public int Threads { get; init; } = 2;

    /// <summary>Bytes; the largest WRITE. Buffers are this plus a page for headers.</summary>
    public int MaxWrite { get; init; } = 1 << 20;

    /// <summary>How long requests that wait may take to end after the unmount.</summary>
    public TimeSpan DrainLimit { get; init; } = TimeSpan.FromSeconds(30);
}
