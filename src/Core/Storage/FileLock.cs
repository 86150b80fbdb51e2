namespace VirtioFsStore.Core.Storage;

/// <summary>A byte-range lock, or a whole-file lock where <see cref="IsFlock"/>.</summary>
public struct FileLock
{
    /// <summary>First and last byte, both included; the last is 2⁶³−1 for "to the end".</summary>
    public ulong Start;

    public ulong End;
    public FileLockType Type;

    /// <summary>The guest's process that takes or holds it; 0 if it is not one of this guest.</summary>
    public uint Pid;

    public ulong Owner;
    public bool IsFlock;
}
