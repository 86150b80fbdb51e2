using Microsoft.Win32.SafeHandles;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>A regular file read by ranges.</summary>
public sealed class FileRangeSource : IRangeSource
{
    readonly SafeFileHandle _file;

    FileRangeSource(string name, SafeFileHandle file, long size, SourceIdentity identity) =>
        (Name, _file, Size, Identity) = (name, file, size, identity);

    public string Name { get; }

    public long Size { get; }

    public SourceIdentity Identity { get; }

    /// <exception cref="SourceException">There is no such file, or it is no regular file.</exception>
    public static FileRangeSource Open(string path, SourceIdentity identity)
    {
        // O_NONBLOCK: opening a FIFO that someone put there must not hang.
        var fd = Descriptors.Open(path, OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK | OpenFlags.O_NOCTTY);
        if (fd < 0)
            throw new SourceException(fd.ToErrno() is Errno.ENOENT or Errno.ENOTDIR ? SourceFailure.Missing : SourceFailure.Permanent, $"cannot open {path}: {fd.ToErrno().Describe()}");
        var file = new SafeFileHandle(fd, ownsHandle: true);
        try
        {
            if (Directory.Exists(path)) throw new SourceException($"{path} is a directory, not a file");
            return new FileRangeSource(path, file, RandomAccess.GetLength(file), identity);
        }
        catch (NotSupportedException e)
        {
            file.Dispose();
            throw new SourceException($"{path} is not a regular file", e);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return new(new FileRangeStream(Name, _file, offset, length));
    }

    public ValueTask DisposeAsync()
    {
        _file.Dispose();
        return ValueTask.CompletedTask;
    }
}
