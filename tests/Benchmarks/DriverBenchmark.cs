using VirtioFsStore.Benchmarks.Contenders;
using VirtioFsStore.Benchmarks.Floor;
using VirtioFsStore.Benchmarks.Measurement;
using VirtioFsStore.Benchmarks.Report;
using VirtioFsStore.Benchmarks.Rows;
using VirtioFsStore.Benchmarks.Trees;

namespace VirtioFsStore.Benchmarks;

/// <summary>The rows that the Driver measures: both daemons run all the time, and one works at a time.</summary>
sealed class DriverBenchmark(BenchmarkOptions options, TextTable table, Action<string> progress)
{
    /// <summary>An image's large file; all of an image that is made lies in memory.</summary>
    const long ImageLargeSize = 64L << 20;

    readonly RowRunner _runner = new(options.Rounds, options.RoundTime, options.WarmUp);
    readonly List<Row> _rows = [];
    readonly List<MemoryRow> _memory = [];
    readonly HashSet<Contender> _warm = [];

    public IReadOnlyList<Row> Rows => _rows;

    public IReadOnlyList<MemoryRow> Memory => _memory;

    /// <exception cref="OperationCanceledException">Between two rows.</exception>
    public void Run(CancellationToken stop)
    {
        RowGroup[] onDirectory = [RowGroup.Depth32, RowGroup.Depth1, RowGroup.Depth1OneCore, RowGroup.TwoQueues];
        if (onDirectory.Any(options.Wants))
            RunDirectory(stop);
        if (options.Wants(RowGroup.Image))
            RunImage(stop);
    }

    void RunDirectory(CancellationToken stop)
    {
        progress($"making {options.Files} files of {SampleTree.FileSize} bytes and one of {SampleTree.LargeSize >> 20} MiB");
        var share = Path.Combine(options.WorkDirectory, "share");
        SampleTree.Create(share, options.Files);
        using var floor = new FloorTree(share);
        progress("starting the daemons");
        using var ours = Serve("ours", options.Ours, share);
        using var peer = Serve(options.PeerName, options.Peer, share);
        using var sampler = new MemorySampler(ours.ProcessId, peer.ProcessId);
        Measure(RowGroup.Depth32, ours, peer, floor, stop);
        Measure(RowGroup.Depth1, ours, peer, floor: null, stop);
        Measure(RowGroup.Depth1OneCore, ours, peer, floor: null, stop);
        NoteMemory(ours, $"a directory of {options.Files:N0} files", sampler);
        NoteMemory(peer, $"a directory of {options.Files:N0} files", sampler);
        if (!options.Wants(RowGroup.TwoQueues))
            return;
        using var two = Serve("2 queues", options.Ours, share, queues: 2);
        Measure(RowGroup.TwoQueues, two, ours, floor: null, stop);
    }

    void RunImage(CancellationToken stop)
    {
        progress($"making an image of {options.ImageFiles} files, and the same unpacked");
        using var image = new SampleImage(options.ImageFiles, ImageLargeSize);
        var unpacked = Path.Combine(options.WorkDirectory, "unpacked");
        SampleTree.Create(unpacked, options.ImageFiles, ImageLargeSize);
        using var floor = new FloorTree(unpacked);
        progress("indexing the image, and starting the daemons");
        // Indexing is done once on a host. A daemon that has done it keeps more memory than one that finds it done.
        using (var first = ServeImage(image))
            NoteMemory(first, $"an image of {options.ImageFiles:N0} files, at once after indexing it");
        using var ours = ServeImage(image);
        using var peer = Serve(options.PeerName, options.Peer, unpacked);
        using var sampler = new MemorySampler(ours.ProcessId, peer.ProcessId);
        ours.ReadAll();
        peer.ReadAll();
        Measure(RowGroup.Image, ours, peer, floor, stop);
        NoteMemory(ours, $"the image, all of it read", sampler, isOwnImage: true);
        NoteMemory(peer, $"the image unpacked, all of it read", sampler);
    }

    void Measure(RowGroup group, Contender ours, Contender theirs, FloorTree? floor, CancellationToken stop)
    {
        Operation[] operations = [.. Operation.All.Where(operation => options.Wants(group, operation))];
        foreach (var contender in (Contender[])[ours, theirs])
        {
            if (_warm.Add(contender))
                _runner.WarmUp(contender, operations);
        }
        foreach (var operation in operations)
        {
            stop.ThrowIfCancellationRequested();
            var row = _runner.Run(group, operation, BenchmarkOptions.DepthOf(group), ours, theirs, floor);
            _rows.Add(row);
            table.Write(row);
        }
    }

    void NoteMemory(Contender contender, string served, MemorySampler? sampler = null, bool isOwnImage = false)
    {
        var now = MemoryUsage.Of(contender.ProcessId);
        _memory.Add(new MemoryRow(
            $"{contender.Name}: {served}", isOwnImage, contender.IdleMemory, sampler?.PeakOf(contender.ProcessId) ?? now, now));
    }

    Contender Serve(string name, DaemonCommand command, string directory, int queues = 1)
    {
        var socket = Socket(name);
        return Contender.Start(name, command.Program, command.Serve(directory, socket), socket, queues);
    }

    Contender ServeImage(SampleImage image)
    {
        var socket = Socket("image");
        var command = DaemonCommand.ServeImage(image.Layout, Path.Combine(options.WorkDirectory, "store"), socket);
        return Contender.Start("ours", options.Ours.Program, command, socket, queues: 1);
    }

    string Socket(string name) => Path.Combine(options.WorkDirectory, $"{name.Replace(' ', '-')}.sock");
}
