using System.Text;
using VirtioFsStore.Benchmarks.Trees;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Benchmarks.Floor;

/// <summary>The operations, each done once.</summary>
sealed unsafe partial class FloorTree
{
    const uint Mask = FileStatus.STATX_BASIC_STATS;

    /// <summary>statx of an open descriptor.</summary>
    public void GetAttr()
    {
        Statx status;
        Check(FileStatus.Get(Next(_files).Path, Mask, &status));
    }

    /// <summary>statx of a name in an open directory.</summary>
    public void Lookup()
    {
        Statx status;
        var file = Next(_files);
        fixed (byte* name = file.Name)
            Check(FileStatus.Get(file.Parent, name, Descriptors.AT_SYMLINK_NOFOLLOW, Mask, &status));
    }

    /// <summary>openat, preadv, close.</summary>
    public void OpenReadRelease()
    {
        var file = Next(_files);
        int fd;
        fixed (byte* name = file.Name)
            fd = Check(Descriptors.OpenAt(file.Parent, name, OpenFlags.O_RDONLY));
        Check(FileIo.ReadAt(fd, _buffer, SampleTree.FileSize, 0));
        Check(Descriptors.Close(fd));
    }

    /// <summary>openat, getdents64 to the end, statx of each name, close.</summary>
    public void ReadDirPlus()
    {
        var self = stackalloc byte[2] { (byte)'.', 0 };
        var fd = Check(Descriptors.OpenAt(Next(_directories), self, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY));
        Statx status;
        nint length;
        while ((length = Check(NameOperations.ReadDirectory(fd, _buffer, 32 << 10))) > 0)
        {
            for (var at = _buffer; at < _buffer + length; at += ((DirectoryRecord*)at)->RecordLength)
                Check(FileStatus.Get(fd, at + DirectoryRecord.NameOffset, Descriptors.AT_SYMLINK_NOFOLLOW, Mask, &status));
        }
        Check(Descriptors.Close(fd));
    }

    /// <summary>readlinkat of an open descriptor.</summary>
    public void ReadLink()
    {
        byte empty = 0;
        Check(NameOperations.ReadLink(Next(_links), &empty, _buffer, PageSize));
    }

    /// <summary>getxattr through /proc/self/fd, the one way for O_PATH descriptors.</summary>
    public void GetXattr()
    {
        Span<byte> path = stackalloc byte[32];
        "/proc/self/fd/"u8.CopyTo(path);
        _ = Next(_files).Path.TryFormat(path["/proc/self/fd/"u8.Length..^1], out _);
        fixed (byte* file = path)
        fixed (byte* name = SampleTree.AttributeName)
            Check(ExtendedAttributes.Get(file, name, _buffer, PageSize));
    }

    /// <summary>openat, pwrite, close, unlinkat.</summary>
    public void CreateWriteUnlink()
    {
        fixed (byte* name = "floor\0"u8)
        {
            var fd = Check(Descriptors.OpenAt(_scratch, name, OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_EXCL, 0x1A4));
            Check(FileIo.WriteAt(fd, _buffer, SampleTree.FileSize, 0));
            Check(Descriptors.Close(fd));
            Check(NameOperations.Unlink(_scratch, name, 0));
        }
    }

    /// <summary>preadv or pwritev of the large file, a page to each vector as in a guest.</summary>
    public void Transfer(int length, bool write, bool random)
    {
        var count = length / PageSize;
        var vectors = stackalloc Iovec[count];
        for (var i = 0; i < count; i++)
            vectors[i] = new Iovec(_buffer + i * PageSize, PageSize);
        var pieces = (int)(_largeSize / length);
        var offset = (random ? _random.Next(pieces) : _next++ % pieces) * (long)length;
        Check(write ? FileIo.WriteVectorsAt(_large, vectors, count, offset) : FileIo.ReadVectorsAt(_large, vectors, count, offset));
    }

    static int Check(int result) => SystemCallException.ThrowIfError(result, "the floor's system call");

    static nint Check(nint result) => SystemCallException.ThrowIfError(result, "the floor's system call");
}
