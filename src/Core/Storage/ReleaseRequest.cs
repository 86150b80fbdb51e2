namespace VirtioFsStore.Core.Storage;

/// <summary>How a handle is given back.</summary>
public struct ReleaseRequest
{
    public int Flags;
    public ulong LockOwner;
    public bool Flush;
    public bool UnlockFlock;
}
