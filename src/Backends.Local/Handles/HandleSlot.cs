namespace VirtioFsStore.Backends.Local.Handles;

/// <summary>An open file or directory of the guest.</summary>
struct HandleSlot
{
    /// <summary>See <see cref="HandleTable"/>; changed by compare-and-swap only.</summary>
    public ulong Word;

    public int Fd;

    /// <summary>O_* as the file was opened.</summary>
    public int Flags;

    public int NextFree;

    /// <summary>Where a directory is being listed; kept with the slot for its next use.</summary>
    public DirectoryStream? Stream;

    public bool IsDirectory;
}
