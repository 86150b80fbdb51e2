using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.DevFuse;

/// <summary>How a file system is mounted on this host.</summary>
public sealed record DevFuseOptions
{
    /// <summary>What the mount table shows as the type.</summary>
    public const string Type = "fuse." + Subtype;

    internal const string Subtype = "virtiofs-store";

    /// <summary>A directory.</summary>
    public required string MountPoint { get; init; }

    /// <summary>What the mount table shows as the device.</summary>
    public string Source { get; init; } = Subtype;

    /// <summary>Users other than the one who mounts may use it. Without root, /etc/fuse.conf must allow that.</summary>
    public bool AllowOther { get; init; }

    /// <summary>The kernel checks permissions by mode, owner and ACL; without it, whoever gets at the mount may do all that the daemon may.</summary>
    public bool DefaultPermissions { get; init; } = true;

    public MountFlags Flags { get; init; }

    /// <summary>Threads that read requests.</summary>
    public int Threads { get; init; } = 2;

    /// <summary>Bytes; the largest WRITE. Buffers are this plus a page for headers.</summary>
    public int MaxWrite { get; init; } = 1 << 20;

    /// <summary>Bytes; the largest READ. Never more than <see cref="MaxWrite"/>, for which the buffers are made.</summary>
    public int MaxRead { get; init; } = 1 << 20;

    /// <summary>How long requests that wait may take to end after the unmount.</summary>
    public TimeSpan DrainLimit { get; init; } = TimeSpan.FromSeconds(30);
}
