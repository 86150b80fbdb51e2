namespace VirtioFsStore.Backends.Local;

/// <summary>Whether inodes are kept as file handles instead of open descriptors; virtiofsd's <c>--inode-file-handles</c>.</summary>
public enum FileHandleMode
{
    /// <summary>One O_PATH descriptor for each inode the guest knows.</summary>
    Never,

    /// <summary>File handles where the file system and our capabilities (CAP_DAC_READ_SEARCH) allow it.</summary>
    Prefer,

    /// <summary>File handles or an error.</summary>
    Mandatory,
}
