using System.Text;

namespace VirtioFsStore.GuestRunner;

/// <summary>Writes a cpio archive of the kind "newc", the one that the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format.rst).</summary>
public sealed class CpioWriter(Stream stream) : IDisposable
{
    const int Alignment = 4;
    const int DirectoryType = 0x4000;
    const int FileType = 0x8000;
    const int LinkType = 0xa000;
    const int AllPermissions = 0x1ff;

    int _inode = 1;
    long _written;

    public void AddDirectory(string path, UnixFileMode mode) => Add(path, DirectoryType | (int)mode, []);

    public void AddFile(string path, UnixFileMode mode, ReadOnlySpan<byte> content) => Add(path, FileType | (int)mode, content);

    public void AddLink(string path, ReadOnlySpan<byte> target) => Add(path, LinkType | AllPermissions, target);

    /// <summary>Writes the trailer; the stream stays open.</summary>
    public void Dispose() => Add("TRAILER!!!", 0, []);

    void Add(string path, int mode, ReadOnlySpan<byte> content)
    {
        var name = Encoding.UTF8.GetBytes(path + '\0');
        // c_magic, then ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check.
        Write(Encoding.ASCII.GetBytes(
            $"070701{_inode++:X8}{mode:X8}{0:X8}{0:X8}{1:X8}{0:X8}{content.Length:X8}{0:X8}{0:X8}{0:X8}{0:X8}{name.Length:X8}{0:X8}"));
        Write(name);
        Pad();
        Write(content);
        Pad();
    }

    void Write(ReadOnlySpan<byte> bytes)
    {
        stream.Write(bytes);
        _written += bytes.Length;
    }

    void Pad()
    {
        ReadOnlySpan<byte> zeros = [0, 0, 0, 0];
        Write(zeros[..(int)(-_written & (Alignment - 1))]);
    }
}
