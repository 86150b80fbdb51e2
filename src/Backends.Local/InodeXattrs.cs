using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Local;

/// <summary>
/// Extended attributes of what an O_PATH descriptor stands for, a symbolic link included. Since Linux 6.13 by its number in
/// /proc/self/fd, held open, which saves the kernel the way there (a fifth of the call); before, by the whole path. Results: a
/// length or 0, or −errno.
/// </summary>
/// <param name="descriptors">A descriptor of /proc/self/fd; the caller's.</param>
/// <param name="needsPath">As on an older kernel.</param>
sealed unsafe class InodeXattrs(int descriptors, bool needsPath = false)
{
    bool _needsPath = needsPath;

    public nint Get(int fd, byte* name, byte* value, nuint size)
    {
        var path = new DescriptorPath(fd);
        if (!Volatile.Read(ref _needsPath))
        {
            var result = ExtendedAttributes.GetAt(descriptors, path.Number(), name, value, size);
            if (!IsUnknown(result))
                return result;
        }
        return ExtendedAttributes.Get(path.Absolute(), name, value, size);
    }

    public nint List(int fd, byte* names, nuint size)
    {
        var path = new DescriptorPath(fd);
        if (!Volatile.Read(ref _needsPath))
        {
            var result = ExtendedAttributes.ListAt(descriptors, path.Number(), names, size);
            if (!IsUnknown(result))
                return result;
        }
        return ExtendedAttributes.List(path.Absolute(), names, size);
    }

    public int Set(int fd, byte* name, byte* value, nuint size, int flags)
    {
        var path = new DescriptorPath(fd);
        if (!Volatile.Read(ref _needsPath))
        {
            var result = ExtendedAttributes.SetAt(descriptors, path.Number(), name, value, size, flags);
            if (!IsUnknown(result))
                return result;
        }
        return ExtendedAttributes.Set(path.Absolute(), name, value, size, flags);
    }

    public int Remove(int fd, byte* name)
    {
        var path = new DescriptorPath(fd);
        if (!Volatile.Read(ref _needsPath))
        {
            var result = ExtendedAttributes.RemoveAt(descriptors, path.Number(), name);
            if (!IsUnknown(result))
                return result;
        }
        return ExtendedAttributes.Remove(path.Absolute(), name);
    }

    bool IsUnknown(nint result)
    {
        if (result != -(nint)(int)Errno.ENOSYS)
            return false;
        Volatile.Write(ref _needsPath, true);
        return true;
    }
}
