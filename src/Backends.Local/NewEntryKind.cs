namespace VirtioFsStore.Backends.Local;

/// <summary>By which system call an entry is made that is not opened at once.</summary>
enum NewEntryKind
{
    /// <summary>mknod(2).</summary>
    Node,

    /// <summary>mkdir(2).</summary>
    Directory,

    /// <summary>symlink(2), to the request's second name.</summary>
    SymbolicLink,
}
