using System.Diagnostics;
using VirtioFsStore.Benchmarks.Contenders;
using VirtioFsStore.Benchmarks.Interop;
using VirtioFsStore.Benchmarks.Measurement;
using VirtioFsStore.Benchmarks.Report;
using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Benchmarks.Startup;

/// <summary>Starts daemons over an empty directory, again and again, in turn.</summary>
sealed class StartupBenchmark(BenchmarkOptions options, TextTable table, Action<string> progress)
{
    /// <summary>A start is short, and the first ones bring the program's pages in.</summary>
    const int RoundsPerRound = 4;
    const double MostUnconfined = 150;
    const double MostSandboxed = 400;

    /// <summary>What a daemon does after it has said that it is ready ends within this.</summary>
    static readonly TimeSpan s_rest = TimeSpan.FromMilliseconds(300);

    static readonly string[] s_unconfined = ["--sandbox=none", "--seccomp=none"];

    public IReadOnlyList<StartupRow> Run(CancellationToken stop)
    {
        var share = Directory.CreateDirectory(Path.Combine(options.WorkDirectory, "empty")).FullName;
        (string Name, string Program, string[] Arguments, double? Most)[] starts =
        [
            ("ours, --sandbox=none", options.Ours.Program, s_unconfined, MostUnconfined),
            ("ours, sandboxed", options.Ours.Program, [], MostSandboxed),
            ($"{options.PeerName}, --sandbox=none", options.Peer.Program, s_unconfined, null),
            ($"{options.PeerName}, sandboxed", options.Peer.Program, [], null),
        ];
        var rounds = Array.ConvertAll(starts, _ => new List<(double Milliseconds, double ProcessorTime, double Memory, int Processes)>());
        progress("starting daemons");
        for (var round = 0; round < options.Rounds * RoundsPerRound; round++)
        {
            for (var i = 0; i < starts.Length; i++)
            {
                stop.ThrowIfCancellationRequested();
                rounds[i].Add(Start(starts[i].Program, ["--socket-path", Path.Combine(options.WorkDirectory, "start.sock"), "--shared-dir", share, .. starts[i].Arguments]));
            }
        }
        StartupRow[] rows = [.. starts.Select((start, i) => new StartupRow(
            start.Name,
            Sample.Of(rounds[i].Select(one => one.Milliseconds)),
            Sample.Of(rounds[i].Select(one => one.ProcessorTime)),
            Sample.Of(rounds[i].Select(one => one.Memory)),
            rounds[i].Max(one => one.Processes),
            start.Most))];
        table.Write(rows);
        return rows;
    }

    static (double Milliseconds, double ProcessorTime, double Memory, int Processes) Start(string program, string[] arguments)
    {
        var start = Stopwatch.GetTimestamp();
        using var daemon = ChildProcess.Start(program, arguments);
        var milliseconds = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        Thread.Sleep(s_rest);
        int[] processes = [.. ProcessTree.Of(daemon.Id)];
        return (milliseconds, processes.Sum(Scheduling.ProcessTime) / 1e6, processes.Sum(MemoryUsage.Of), processes.Length);
    }
}
