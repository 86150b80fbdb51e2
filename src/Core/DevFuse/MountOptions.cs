using System.Globalization;
using System.Text;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.DevFuse;

/// <summary>The text of mount options in the two forms that they are wanted in.</summary>
static class MountOptions
{
    /// <summary>S_IFDIR, in octal as the kernel's option wants it.</summary>
    const string RootMode = "40000";

    /// <summary>Those that fusermount3 knows; the others mean nothing to a mount without privileges, or are its own to set.</summary>
    static readonly (MountFlags Flag, string Name)[] s_names =
    [
        (MountFlags.ReadOnly, "ro"),
        (MountFlags.NoSuid, "nosuid"),
        (MountFlags.NoDevices, "nodev"),
        (MountFlags.NoExecute, "noexec"),
        (MountFlags.Synchronous, "sync"),
        (MountFlags.SynchronousDirectories, "dirsync"),
        (MountFlags.NoAccessTimes, "noatime"),
    ];

    /// <summary>The data of mount(2) (fs/fuse/inode.c, fuse_fs_parameters).</summary>
    public static string ForKernel(DevFuseOptions options, int connection) => string.Create(
        CultureInfo.InvariantCulture,
        $"fd={connection},rootmode={RootMode},user_id={ProcessIdentity.EffectiveUid},group_id={ProcessIdentity.EffectiveGid},{Common(options)}");

    /// <summary>What follows -o of fusermount3, which adds what the kernel wants beside it.</summary>
    public static string ForFuserMount(DevFuseOptions options)
    {
        var text = new StringBuilder();
        foreach (var (flag, name) in s_names)
        {
            if ((options.Flags & flag) != 0)
                text.Append(name).Append(',');
        }
        text.Append("fsname=").Append(Escape(options.Source)).Append(",subtype=").Append(DevFuseOptions.Subtype).Append(',').Append(Common(options));
        return text.ToString();
    }

    static string Common(DevFuseOptions options)
    {
        // A kernel with larger pages than 4 KiB would else read more at once than the buffers of a reply hold.
        var text = string.Create(CultureInfo.InvariantCulture, $"max_read={Math.Min(options.MaxRead, options.MaxWrite)}");
        if (options.AllowOther)
            text += ",allow_other";
        if (options.DefaultPermissions)
            text += ",default_permissions";
        return text;
    }

    static string Escape(string value) => value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal);
}
