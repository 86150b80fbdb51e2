using System.Buffers.Text;
using System.Globalization;
using System.Text;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>
/// A file that holds this process's id and a lock for as long as the process lives: a second daemon on the same socket is refused. Removed
/// at the end; what a killed process leaves behind is taken over.
/// </summary>
sealed class PidFile : IDisposable
{
    readonly string _path;
    readonly FileDescriptor _file;

    PidFile(string path, FileDescriptor file)
    {
        _path = path;
        _file = file;
    }

    /// <exception cref="IOException">Another process holds it, or it cannot be made.</exception>
    public static PidFile Take(string path)
    {
        while (true)
        {
            var file = new FileDescriptor(SystemCallException.ThrowIfError(
                Descriptors.Open(path, OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_NOFOLLOW, 0x180 /* 0600 */), "open", path));
            try
            {
                if (!TryLock(path, file.Value))
                {
                    file.Dispose();
                    continue;
                }
                Write(path, file.Value);
                return new PidFile(path, file);
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }
    }

    public void Dispose()
    {
        // With the lock still held, so that it is not another's.
        _ = SocketFiles.Unlink(_path);
        _file.Dispose();
    }

    /// <summary>False: the file that was locked is no longer the one of that name.</summary>
    static bool TryLock(string path, int fd)
    {
        var result = WholeFileLock.TryExclusive(fd);
        if (result == -(int)Errno.EAGAIN)
            throw new IOException($"{path} is locked: another process ({ReadHolder(fd)}) serves on this socket");
        SystemCallException.ThrowIfError(result, "flock", path);
        SystemCallException.ThrowIfError(FileShape.OfDescriptor(fd, out var locked), "statx", path);
        return FileShape.OfPath(path, out var named) >= 0 && named.Inode == locked.Inode && named.Device == locked.Device;
    }

    static unsafe void Write(string path, int fd)
    {
        var text = Encoding.ASCII.GetBytes($"{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}\n");
        SystemCallException.ThrowIfError(FileSpace.SetLength(fd, 0), "ftruncate", path);
        fixed (byte* bytes = text)
            SystemCallException.ThrowIfError(FileIo.Write(fd, bytes, (nuint)text.Length), "write", path);
    }

    /// <summary>By the descriptor: the runtime's own way to read a file takes a lock first.</summary>
    static unsafe string ReadHolder(int fd)
    {
        const int Capacity = 16;
        var bytes = stackalloc byte[Capacity];
        var length = (int)Math.Max(FileIo.ReadAt(fd, bytes, Capacity, 0), 0);
        return Utf8Parser.TryParse(new ReadOnlySpan<byte>(bytes, length), out uint pid, out _)
            ? $"pid {pid.ToString(CultureInfo.InvariantCulture)}"
            : "which has not said which";
    }
}
