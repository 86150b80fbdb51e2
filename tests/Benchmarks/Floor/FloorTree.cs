using System.Diagnostics;
using System.Text;
using VirtioFsStore.Benchmarks.Interop;
using VirtioFsStore.Benchmarks.Rows;
using VirtioFsStore.Benchmarks.Trees;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Benchmarks.Floor;

/// <summary>
/// The floor: the least that the host's kernel must be asked for each operation, in a loop in this process, over the same tree.
/// What a daemon takes beyond it is its own work and the queue's.
/// </summary>
sealed unsafe partial class FloorTree : IDisposable
{
    const int PageSize = 4096;
    const int MaxData = 1 << 20;

    /// <summary>Files that are held open; a machine may allow no more than 20,000 descriptors.</summary>
    const int MaxFiles = 10_000;

    /// <summary>Operations between two looks at the clock.</summary>
    const int Batch = 16;

    readonly FloorFile[] _files;
    readonly int[] _directories;
    readonly int[] _links;
    readonly int _large;
    readonly long _largeSize;
    readonly int _scratch;
    readonly byte* _buffer;
    readonly Random _random = new(1);
    int _next;

    public FloorTree(string root)
    {
        _ = ResourceLimits.RaiseOpenFiles();
        _buffer = (byte*)System.Runtime.InteropServices.NativeMemory.AlignedAlloc(MaxData, PageSize);
        new Span<byte>(_buffer, MaxData).Clear();
        var (files, directories, links) = (new List<(int Parent, string Path)>(), new List<int>(), new List<int>());
        foreach (var directory in Directory.GetDirectories(root, "directory-*").Order(StringComparer.Ordinal))
        {
            var fd = Open(directory, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
            directories.Add(fd);
            files.AddRange(Directory.GetFiles(directory).Order(StringComparer.Ordinal).Select(file => (fd, file)));
        }
        var shuffled = files.ToArray();
        new Random(1).Shuffle(shuffled);
        _files = [.. shuffled.Take(MaxFiles).Select(file => new FloorFile(
            file.Parent, Encoding.UTF8.GetBytes(Path.GetFileName(file.Path) + '\0'), Open(file.Path, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW)))];
        foreach (var link in Directory.GetFileSystemEntries(Path.Combine(root, SampleTree.LinkDirectory)).Order(StringComparer.Ordinal))
            links.Add(Open(link, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW));
        _directories = [.. directories];
        _links = [.. links];
        _large = Open(Path.Combine(root, SampleTree.LargeName), OpenFlags.O_RDWR);
        _largeSize = RandomAccess.GetLength(new Microsoft.Win32.SafeHandles.SafeFileHandle(_large, ownsHandle: false));
        _scratch = Open(Path.Combine(root, SampleTree.ScratchName), OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
    }

    /// <summary>µs of processor time for each operation.</summary>
    public double Measure(Operation operation, TimeSpan duration)
    {
        for (var i = 0; i < Batch; i++)
            operation.Floor(this);
        var count = 0L;
        var start = Stopwatch.GetTimestamp();
        var time = Scheduling.ThreadTime();
        while (Stopwatch.GetElapsedTime(start) < duration)
        {
            for (var i = 0; i < Batch; i++)
                operation.Floor(this);
            count += Batch;
        }
        return (Scheduling.ThreadTime() - time) / 1e3 / count;
    }

    public void Dispose()
    {
        foreach (var fd in (int[])[.. _files.Select(file => file.Path), .. _directories, .. _links, _large, _scratch])
            _ = Descriptors.Close(fd);
        System.Runtime.InteropServices.NativeMemory.AlignedFree(_buffer);
    }

    static int Open(string path, int flags) => SystemCallException.ThrowIfError(Descriptors.Open(path, flags), "open", path);

    T Next<T>(T[] targets) => targets[_next++ % targets.Length];
}
