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
    readonly RowRunner _runner = new(options.Rounds, options.RoundTime, options.WarmUp);
    readonly List<Row> _rows = [];
    readonly List<MemoryRow> _memory = [];

    public IReadOnlyList<Row> Rows => _rows;

    public IReadOnlyList<MemoryRow> Memory => _memory;

    public void Run()
    {
        if (options.Wants(RowGroup.Depth32) || options.Wants(RowGroup.Depth1) || options.Wants(RowGroup.Depth1OneCore) || options.Wants(RowGroup.TwoQueues))
            RunDirectory();
    }

    void RunDirectory()
    {
        progress($"making {options.Files} files of {SampleTree.FileSize} bytes and one of {SampleTree.LargeSize >> 20} MiB");
        var share = Path.Combine(options.WorkDirectory, "share");
        Directory.CreateDirectory(share);
        SampleTree.Create(share, options.Files);
        using var floor = new FloorTree(share);
        progress("starting the daemons");
        using var ours = Start("ours", options.Ours, share, queues: 1);
        using var peer = Start(options.Peer.IsOwn ? "other" : "virtiofsd", options.Peer, share, queues: 1);
        using var sampler = new MemorySampler(ours.ProcessId, peer.ProcessId);
        Measure(RowGroup.Depth32, Contender.MaxDepth, ours, peer, floor);
        Measure(RowGroup.Depth1, 1, ours, peer, null);
        Measure(RowGroup.Depth1OneCore, 1, ours, peer, null);
        foreach (var contender in (Contender[])[ours, peer])
            _memory.Add(new MemoryRow($"a directory, {contender.Name}", contender.IdleMemory, sampler.PeakOf(contender.ProcessId), MemoryUsage.Of(contender.ProcessId)));
        if (!options.Wants(RowGroup.TwoQueues))
            return;
        using var two = Start("2 queues", options.Ours, share, queues: 2);
        Measure(RowGroup.TwoQueues, Contender.MaxDepth, two, ours, null);
    }

    void Measure(RowGroup group, int depth, Contender ours, Contender theirs, FloorTree? floor)
    {
        foreach (var operation in Operation.All.Where(operation => options.Wants(group, operation) && (group != RowGroup.Image || operation.InImages)))
        {
            var row = _runner.Run(group, operation, depth, ours, theirs, floor);
            _rows.Add(row);
            table.Write(row);
        }
    }

    Contender Start(string name, DaemonCommand command, string share, int queues)
    {
        var socket = Path.Combine(options.WorkDirectory, $"{name.Replace(' ', '-')}.sock");
        return Contender.Start(name, command.Program, command.Serve(share, socket), socket, queues);
    }
}
