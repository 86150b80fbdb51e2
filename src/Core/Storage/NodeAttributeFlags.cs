namespace VirtioFsStore.Core.Storage;

/// <summary>FUSE_ATTR_* (linux/fuse.h): how the guest is to treat an inode.</summary>
[Flags]
public enum NodeAttributeFlags : uint
{
    None = 0,

    /// <summary>The root of another host file system below the share.</summary>
    Submount = 1,

    /// <summary>Map this file through the DAX window (per-inode mode).</summary>
    Dax = 2,

    /// <summary><see cref="Dax"/>, where the VMM maps what is open for reading only. Not for the wire.</summary>
    DaxReadOnly = 4,

    AnyDax = Dax | DaxReadOnly,
}
