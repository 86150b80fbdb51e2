using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>What a mount option means that is not one of our own: those of mount(8) and of FUSE.</summary>
static class MountOptionTable
{
    /// <summary>Options that set or clear flags of mount(2).</summary>
    static readonly Dictionary<string, (MountFlags Set, MountFlags Clear)> s_flags = new()
    {
        ["ro"] = (MountFlags.ReadOnly, MountFlags.None),
        ["rw"] = (MountFlags.None, MountFlags.ReadOnly),
        ["nosuid"] = (MountFlags.NoSuid, MountFlags.None),
        ["suid"] = (MountFlags.None, MountFlags.NoSuid),
        ["nodev"] = (MountFlags.NoDevices, MountFlags.None),
        ["dev"] = (MountFlags.None, MountFlags.NoDevices),
        ["noexec"] = (MountFlags.NoExecute, MountFlags.None),
        ["exec"] = (MountFlags.None, MountFlags.NoExecute),
        ["sync"] = (MountFlags.Synchronous, MountFlags.None),
        ["async"] = (MountFlags.None, MountFlags.Synchronous),
        ["dirsync"] = (MountFlags.SynchronousDirectories, MountFlags.None),
        ["nosymfollow"] = (MountFlags.NoSymlinkFollow, MountFlags.None),
        ["symfollow"] = (MountFlags.None, MountFlags.NoSymlinkFollow),
        ["noatime"] = (MountFlags.NoAccessTimes, MountFlags.RelativeAccessTimes | MountFlags.StrictAccessTimes),
        ["atime"] = (MountFlags.None, MountFlags.NoAccessTimes),
        ["nodiratime"] = (MountFlags.NoDirectoryAccessTimes, MountFlags.None),
        ["diratime"] = (MountFlags.None, MountFlags.NoDirectoryAccessTimes),
        ["relatime"] = (MountFlags.RelativeAccessTimes, MountFlags.NoAccessTimes | MountFlags.StrictAccessTimes),
        ["norelatime"] = (MountFlags.None, MountFlags.RelativeAccessTimes),
        ["strictatime"] = (MountFlags.StrictAccessTimes, MountFlags.NoAccessTimes | MountFlags.RelativeAccessTimes),
        ["nostrictatime"] = (MountFlags.None, MountFlags.StrictAccessTimes),
        ["lazytime"] = (MountFlags.LazyTimes, MountFlags.None),
        ["nolazytime"] = (MountFlags.None, MountFlags.LazyTimes),
        ["defaults"] = default,
        // Ordinary users may mount what fstab lists with these: mount(8) then wants the careful flags (fstab(5), mount(8)).
        ["user"] = (Careful | MountFlags.NoExecute, MountFlags.None),
        ["users"] = (Careful | MountFlags.NoExecute, MountFlags.None),
        ["owner"] = (Careful, MountFlags.None),
        ["group"] = (Careful, MountFlags.None),
    };

    /// <summary>For mount(8), systemd and whoever reads fstab; they mean nothing to the file system.</summary>
    static readonly HashSet<string> s_ignored = ["auto", "noauto", "nouser", "nousers", "noowner", "nogroup", "_netdev", "nofail", "silent", "loud", "comment", "uhelper", "helper"];

    static readonly Dictionary<string, string> s_refused = new()
    {
        ["allow_root"] = "not supported; allow_other lets root in too, and the permissions of the directory above the mount point can keep others out",
        ["auto_unmount"] = "not supported: a server that was killed leaves its mount, for 'virtiofs-store umount' to take away",
        ["remount"] = "the flags of a mount are changed by mount -i -o remount,…, without its helper",
        ["blkdev"] = "a SOURCE is a directory or an image, not a block device",
        ["subtype"] = "the type is always fuse.virtiofs-store, by which its mounts are known",
    };

    const MountFlags Careful = MountFlags.NoSuid | MountFlags.NoDevices;

    public static bool TryGetFlags(string name, out MountFlags set, out MountFlags clear)
    {
        var known = s_flags.TryGetValue(name, out var change);
        (set, clear) = change;
        return known;
    }

    public static bool IsIgnored(string name) =>
        s_ignored.Contains(name) || name.StartsWith("x-", StringComparison.Ordinal) || name.StartsWith("X-", StringComparison.Ordinal);

    /// <summary>Why a known option is not taken; null for any other.</summary>
    public static string? Refusal(string name) => s_refused.GetValueOrDefault(name);
}
