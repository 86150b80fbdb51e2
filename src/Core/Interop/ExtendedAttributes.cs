using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>
/// Extended attributes by path, links followed: callers pass /proc/self/fd/N, the one way that serves O_PATH descriptors
/// and symbolic links on every kernel. Results: a length or 0, or −errno.
/// </summary>
public static unsafe partial class ExtendedAttributes
{
    public const int XATTR_CREATE = 1;
    public const int XATTR_REPLACE = 2;

    /// <summary>XATTR_SIZE_MAX and XATTR_LIST_MAX (linux/limits.h): the most bytes of a value and of a list of names.</summary>
    public const int MaxSize = 65536;

    /// <summary>XATTR_NAME_MAX.</summary>
    public const int MaxNameLength = 255;

    public static int Set(byte* path, byte* name, byte* value, nuint size, int flags) => LastError.Or(setxattr(path, name, value, size, flags));

    /// <summary>With a <paramref name="size"/> of 0: the length alone.</summary>
    public static nint Get(byte* path, byte* name, byte* value, nuint size) => LastError.Or(getxattr(path, name, value, size));

    /// <inheritdoc cref="Get"/>
    public static nint List(byte* path, byte* names, nuint size) => LastError.Or(listxattr(path, names, size));

    public static int Remove(byte* path, byte* name) => LastError.Or(removexattr(path, name));

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setxattr(byte* path, byte* name, byte* value, nuint size, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint getxattr(byte* path, byte* name, byte* value, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint listxattr(byte* path, byte* names, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int removexattr(byte* path, byte* name);
}
