using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>
/// Extended attributes by path, links followed: callers pass /proc/self/fd/N, the one way that serves O_PATH descriptors
/// and symbolic links on every kernel, or N in that directory (the …At calls, Linux 6.13). Results: a length or 0, or −errno.
/// </summary>
public static unsafe partial class ExtendedAttributes
{
    public const int XATTR_CREATE = 1;
    public const int XATTR_REPLACE = 2;

    /// <summary>XATTR_SIZE_MAX and XATTR_LIST_MAX (linux/limits.h): the most bytes of a value and of a list of names.</summary>
    public const int MaxSize = 65536;

    /// <summary>XATTR_NAME_MAX.</summary>
    public const int MaxNameLength = 255;

    // Of the same number on every architecture (asm-generic/unistd.h).
    const nint SYS_setxattrat = 463;
    const nint SYS_getxattrat = 464;
    const nint SYS_listxattrat = 465;
    const nint SYS_removexattrat = 466;

    public static int Set(byte* path, byte* name, byte* value, nuint size, int flags) => LastError.Or(setxattr(path, name, value, size, flags));

    /// <summary>With a <paramref name="size"/> of 0: the length alone.</summary>
    public static nint Get(byte* path, byte* name, byte* value, nuint size) => LastError.Or(getxattr(path, name, value, size));

    /// <inheritdoc cref="Get"/>
    public static nint List(byte* path, byte* names, nuint size) => LastError.Or(listxattr(path, names, size));

    public static int Remove(byte* path, byte* name) => LastError.Or(removexattr(path, name));

    /// <summary>setxattrat(2). ENOSYS before Linux 6.13, as the three below.</summary>
    public static int SetAt(int directory, byte* path, byte* name, byte* value, nuint size, int flags)
    {
        var arguments = new XattrArguments { Value = (ulong)value, Size = (uint)size, Flags = (uint)flags };
        return (int)LastError.Or(syscall(SYS_setxattrat, directory, path, 0, name, &arguments, sizeof(XattrArguments)));
    }

    /// <summary>getxattrat(2); a <paramref name="size"/> of 0 as in <see cref="Get"/>.</summary>
    public static nint GetAt(int directory, byte* path, byte* name, byte* value, nuint size)
    {
        var arguments = new XattrArguments { Value = (ulong)value, Size = (uint)size };
        return LastError.Or(syscall(SYS_getxattrat, directory, path, 0, name, &arguments, sizeof(XattrArguments)));
    }

    /// <summary>listxattrat(2).</summary>
    public static nint ListAt(int directory, byte* path, byte* names, nuint size) =>
        LastError.Or(syscall(SYS_listxattrat, directory, path, 0, names, (void*)size, 0));

    /// <summary>removexattrat(2).</summary>
    public static int RemoveAt(int directory, byte* path, byte* name) =>
        (int)LastError.Or(syscall(SYS_removexattrat, directory, path, 0, name, null, 0));

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint directory, byte* path, nint flags, byte* name, void* argument, nint size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setxattr(byte* path, byte* name, byte* value, nuint size, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint getxattr(byte* path, byte* name, byte* value, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint listxattr(byte* path, byte* names, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int removexattr(byte* path, byte* name);
}
