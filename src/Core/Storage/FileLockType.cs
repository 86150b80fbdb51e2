namespace VirtioFsStore.Core.Storage;

/// <summary>F_RDLCK, F_WRLCK, F_UNLCK (asm-generic/fcntl.h).</summary>
public enum FileLockType : uint
{
    Read = 0,
    Write = 1,
    Unlock = 2,
}
