namespace VirtioFsStore.Core.Storage;

/// <summary>Who in the guest asks.</summary>
public readonly record struct Caller(uint Uid, uint Gid, uint Pid);
