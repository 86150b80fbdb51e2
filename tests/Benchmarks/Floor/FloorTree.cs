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

    /// <summary>Operations between two looks at the clock.</summary>
    const int Batch = 16;

    readonly FloorFile[] _files;
    readonly int[] _directories;
    readonly int[] _links;
    readonly int _large;
    readonly int _scratch;
    readonly byte* _buffer;
    readonly Random _random = new(1);
    int _next;

    public FloorTree(string root)
    {
        _ = ResourceLimits.RaiseOpenFiles();
        _buffer = (byte*)System.Runtime.InteropServices.NativeMemory.AlignedAlloc(MaxData, PageSize);
        new Span<byte>(_buffer, MaxData).Clear();
        var (files, directories, links) = (new List<FloorFile>(), new List<int>(), new List<int>());
        foreach (var directory in Directory.GetDirectories(root, "directory-*").Order(StringComparer.Ordinal))
        {
            var fd = Open(directory, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
            directories.Add(fd);
            foreach (var file in Directory.GetFiles(directory).Order(StringComparer.Ordinal))
                files.Add(new FloorFile(fd, Encoding.UTF8.GetBytes(Path.GetFileName(file) + '\0'), Open(file, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW)));
        }
        foreach (var link in Directory.GetFileSystemEntries(Path.Combine(root, "links")).Order(StringComparer.Ordinal))
            links.Add(Open(link, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW));
        _files = [.. files];
        new Random(1).Shuffle(_files);
        _directories = [.. directories];
        _links = [.. links];
        var large = Path.Combine(root, SampleTree.LargeName);
        _large = File.Exists(large) ? Open(large, OpenFlags.O_RDWR) : -1;
        var scratch = Path.Combine(root, SampleTree.ScratchName);
        _scratch = Directory.Exists(scratch) ? Open(scratch, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY) : -1;
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
