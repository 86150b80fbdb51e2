using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>What makes, changes and lists names in a directory given by descriptor. Results: 0 (or bytes), or −errno.</summary>
public static unsafe partial class NameOperations
{
    public const uint RENAME_NOREPLACE = 1;
    public const uint RENAME_EXCHANGE = 2;
    public const uint RENAME_WHITEOUT = 4;

    public static int MakeDirectory(int directory, byte* name, uint mode) => LastError.Or(mkdirat(directory, name, mode));

    /// <param name="mode">Type and permissions.</param>
    /// <param name="device">dev_t as <see cref="Device"/> makes it.</param>
    public static int MakeNode(int directory, byte* name, uint mode, ulong device) => LastError.Or(mknodat(directory, name, mode, device));

    public static int SymbolicLink(byte* target, int directory, byte* name) => LastError.Or(symlinkat(target, directory, name));

    public static int Link(int oldDirectory, byte* oldName, int newDirectory, byte* newName, int flags) =>
        LastError.Or(linkat(oldDirectory, oldName, newDirectory, newName, flags));

    public static int Unlink(int directory, byte* name, int flags) => LastError.Or(unlinkat(directory, name, flags));

    /// <param name="flags">RENAME_*.</param>
    public static int Rename(int oldDirectory, byte* oldName, int newDirectory, byte* newName, uint flags) =>
        LastError.Or(renameat2(oldDirectory, oldName, newDirectory, newName, flags));

    /// <summary>The target's length; not NUL-terminated. An empty <paramref name="name"/> reads an O_PATH descriptor of the link itself.</summary>
    public static nint ReadLink(int directory, byte* name, byte* buffer, nuint size) =>
        LastError.Or(readlinkat(directory, name, buffer, size));

    /// <summary>Fills <paramref name="buffer"/> with struct linux_dirent64; 0 at the end.</summary>
    public static nint ReadDirectory(int fd, byte* buffer, nuint size) => LastError.Or(getdents64(fd, buffer, size));

    /// <summary>dev_t as glibc's makedev: the minor's upper and the major's upper bits lie above the 16 of old.</summary>
    public static ulong Device(uint major, uint minor) =>
        ((major & 0xFFFul) << 8) | ((major & ~0xFFFul) << 32) | (minor & 0xFFul) | ((minor & ~0xFFul) << 12);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mkdirat(int directory, byte* name, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mknodat(int directory, byte* name, uint mode, ulong device);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int symlinkat(byte* target, int directory, byte* name);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int linkat(int oldDirectory, byte* oldName, int newDirectory, byte* newName, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unlinkat(int directory, byte* name, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int renameat2(int oldDirectory, byte* oldName, int newDirectory, byte* newName, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint readlinkat(int directory, byte* name, byte* buffer, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint getdents64(int fd, byte* buffer, nuint size);
}
