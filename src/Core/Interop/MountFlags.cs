namespace VirtioFsStore.Core.Interop;

/// <summary>MS_* of linux/mount.h.</summary>
[Flags]
public enum MountFlags : ulong
{
    None = 0,
    ReadOnly = 1 << 0,
    NoSuid = 1 << 1,
    NoDevices = 1 << 2,
    NoExecute = 1 << 3,
    Synchronous = 1 << 4,
    SynchronousDirectories = 1 << 7,
    NoSymlinkFollow = 1 << 8,
    NoAccessTimes = 1 << 10,
    NoDirectoryAccessTimes = 1 << 11,
    RelativeAccessTimes = 1 << 21,
    StrictAccessTimes = 1 << 24,
    LazyTimes = 1 << 25,
}
