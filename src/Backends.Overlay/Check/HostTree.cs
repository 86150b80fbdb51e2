using System.Runtime.CompilerServices;
using System.Text;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>An image unpacked into a folder.</summary>
sealed class HostTree(HostFolder folder, string name) : ICheckedTree
{
    public string Name => name;

    public async IAsyncEnumerable<CheckedFile> WalkAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var open = new Stack<byte[]>([[]]);
        while (open.TryPop(out var path))
        {
            cancellation.ThrowIfCancellationRequested();
            var file = Describe(path);
            yield return file;
            if (!file.IsDirectory)
                continue;
            using var directory = folder.TryOpenDirectory(path)!;
            foreach (var child in HostFolder.List(directory.Value))
                open.Push(path.Length == 0 ? child : [.. path, (byte)'/', .. child]);
        }

        await Task.CompletedTask.ConfigureAwait(false);
    }

    public ValueTask<ICheckedContent> OpenAsync(CheckedFile file, CancellationToken cancellation) =>
        new(new Content(folder.TryOpen(Encoding.Latin1.GetBytes(file.Path), OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW)
            ?? throw new FileNotFoundException($"{name}: /{file.Path} went away")));

    CheckedFile Describe(byte[] path)
    {
        using var file = folder.TryOpen(path, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW)!;
        var status = HostFolder.Stat(file.Value);
        return new CheckedFile
        {
            Path = Encoding.Latin1.GetString(path),
            Inode = status.Ino,
            Mode = status.Mode,
            Uid = status.Uid,
            Gid = status.Gid,
            LinkCount = status.LinkCount,
            Size = status.Size,
            Time = new Timestamp(status.ModifyTime.Seconds, status.ModifyTime.Nanoseconds),
            Device = (status.SpecialMajor, status.SpecialMinor),
            Target = StatMode.IsSymbolicLink(status.Mode) ? HostFolder.ReadLink(file.Value) : "",
            Xattrs = HostFolder.Xattrs(file.Value),
        };
    }

    sealed class Content(FileDescriptor file) : ICheckedContent
    {
        public unsafe ValueTask<int> ReadAsync(long offset, byte[] into, CancellationToken cancellation)
        {
            var done = 0;
            fixed (byte* start = into)
            {
                while (done < into.Length)
                {
                    var count = SystemCallException.ThrowIfError(FileIo.ReadAt(file.Value, start + done, (nuint)(into.Length - done), offset + done), "pread");
                    if (count == 0)
                        break;
                    done += (int)count;
                }
            }

            return new(done);
        }

        public void Dispose() => file.Dispose();
    }
}
