using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>What set-up code asks about a file: its type, group, size and identity. For a file system's own attributes this is too little.</summary>
public readonly unsafe partial record struct FileShape(uint Mode, uint Group, long Size, uint BlockSize, ulong Inode, ulong Device, long AllocatedBytes)
{
    const uint S_IFMT = 0xF000;
    const uint STATX_BASIC_STATS = 0x7ff;

    /// <summary>sizeof(struct statx), linux/stat.h; the same on every architecture.</summary>
    const int StatxSize = 256;

    /// <summary>The mode without the type.</summary>
    public uint Permissions => Mode & ~S_IFMT;

    public bool IsRegular => (Mode & S_IFMT) == 0x8000;

    public bool IsSocket => (Mode & S_IFMT) == 0xC000;

    /// <summary>0 or −errno.</summary>
    public static int OfDescriptor(int fd, out FileShape shape)
    {
        var empty = (byte)0;
        return Query(fd, &empty, Descriptors.AT_EMPTY_PATH, out shape);
    }

    /// <summary>Of the path itself, not of what a link points to. 0 or −errno.</summary>
    public static int OfPath(string path, out FileShape shape)
    {
        fixed (byte* bytes = Utf8Path.Encode(path))
            return Query(Descriptors.AT_FDCWD, bytes, Descriptors.AT_SYMLINK_NOFOLLOW, out shape);
    }

    static int Query(int directory, byte* path, int flags, out FileShape shape)
    {
        var buffer = stackalloc byte[StatxSize];
        var result = LastError.Or(statx(directory, path, flags, STATX_BASIC_STATS, buffer));
        shape = result < 0
            ? default
            : new FileShape(
                *(ushort*)(buffer + 28),
                *(uint*)(buffer + 24),
                *(long*)(buffer + 40),
                *(uint*)(buffer + 4),
                *(ulong*)(buffer + 32),
                ((ulong)*(uint*)(buffer + 136) << 32) | *(uint*)(buffer + 140),
                *(long*)(buffer + 48) * 512);
        return result;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int statx(int directory, byte* path, int flags, uint mask, byte* buffer);
}
