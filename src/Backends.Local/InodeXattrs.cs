using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Local;

/// <summary>
/// Extended attributes of what an O_PATH descriptor stands for, a symbolic link included. Since Linux 6.13 by its number in
/// /proc/self/fd, held open, which saves the kernel the way there (a fifth of the call); before, by the whole path. Results: a
/// length or 0, or −errno.
/// </summary>
/// <param name="descriptors">A descriptor of /proc/self/fd; the caller's.</param>
/// <param name="needsPath">See <see cref="NeedsPath"/>.</param>
/// <param name="chrooted">See <see cref="LocalOptions.Chrooted"/>.</param>
sealed unsafe class InodeXattrs(int descriptors, bool needsPath, bool chrooted)
{
    /// <summary>
    /// Whether the calls of Linux 6.13 are not to be had. A seccomp filter that does not know them may answer EPERM, which of listing
    /// the names of an inode can mean nothing else.
    /// </summary>
    /// <param name="descriptors">A descriptor of /proc/self/fd.</param>
    /// <param name="fd">Of any inode.</param>
    public static bool NeedsPath(int descriptors, int fd)
    {
        var path = new DescriptorPath(fd);
        return ExtendedAttributes.ListAt(descriptors, path.Number(), null, 0).ToErrno() is Errno.ENOSYS or Errno.EPERM;
    }

    public nint Get(int fd, byte* name, byte* value, nuint size)
    {
        var path = new DescriptorPath(fd);
        return needsPath
            ? ExtendedAttributes.Get(path.For(chrooted), name, value, size)
            : ExtendedAttributes.GetAt(descriptors, path.Number(), name, value, size);
    }

    public nint List(int fd, byte* names, nuint size)
    {
        var path = new DescriptorPath(fd);
        return needsPath
            ? ExtendedAttributes.List(path.For(chrooted), names, size)
            : ExtendedAttributes.ListAt(descriptors, path.Number(), names, size);
    }

    public int Set(int fd, byte* name, byte* value, nuint size, int flags)
    {
        var path = new DescriptorPath(fd);
        return needsPath
            ? ExtendedAttributes.Set(path.For(chrooted), name, value, size, flags)
            : ExtendedAttributes.SetAt(descriptors, path.Number(), name, value, size, flags);
    }

    public int Remove(int fd, byte* name)
    {
        var path = new DescriptorPath(fd);
        return needsPath
            ? ExtendedAttributes.Remove(path.For(chrooted), name)
            : ExtendedAttributes.RemoveAt(descriptors, path.Number(), name);
    }
}
