namespace VirtioFsStore.Core.Storage;

/// <summary>An open file or directory of one file system, as it gave it out: comes back from the guest and must be checked.</summary>
public readonly record struct HandleId(ulong Value)
{
    /// <summary>What Linux sends where it has no handle, and what a session with NO_OPEN sees.</summary>
    public static HandleId None => default;
}
