namespace VirtioFsStore.Backends.Overlay.Tar;

/// <summary>What a tar entry is, once the dialects' type flags are understood.</summary>
public enum TarEntryType
{
    Regular,
    Directory,
    Symlink,
    HardLink,
    CharacterDevice,
    BlockDevice,
    Fifo,
}
