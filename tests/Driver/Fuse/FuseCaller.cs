namespace VirtioFsStore.Driver.Fuse;

/// <summary>In whose name a request is made.</summary>
public readonly record struct FuseCaller(uint Uid, uint Gid, uint Pid = 1);
