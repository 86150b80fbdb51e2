namespace VirtioFsStore.Core.Storage;

/// <summary>A change of attributes: only what <see cref="Valid"/> names.</summary>
public struct SetAttributes
{
    public SetAttributesValid Valid;

    /// <summary>The handle the call came through, where <see cref="SetAttributesValid.Handle"/>.</summary>
    public HandleId Handle;

    public ulong Size;
    public ulong LockOwner;
    public Timestamp AccessTime;
    public Timestamp ModifyTime;
    public Timestamp ChangeTime;
    public uint Mode;
    public uint Uid;
    public uint Gid;
}
