namespace VirtioFsStore.Core.Storage;

/// <summary>FATTR_* (linux/fuse.h).</summary>
[Flags]
public enum SetAttributesValid : uint
{
    None = 0,
    Mode = 1 << 0,
    Uid = 1 << 1,
    Gid = 1 << 2,
    Size = 1 << 3,
    AccessTime = 1 << 4,
    ModifyTime = 1 << 5,
    Handle = 1 << 6,
    AccessTimeNow = 1 << 7,
    ModifyTimeNow = 1 << 8,
    LockOwner = 1 << 9,
    ChangeTime = 1 << 10,

    /// <summary>The file system clears setuid and setgid (HANDLE_KILLPRIV_V2 was agreed).</summary>
    KillSuidGid = 1 << 11,
}
