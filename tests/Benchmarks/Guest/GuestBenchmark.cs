using VirtioFsStore.Benchmarks.Interop;
using VirtioFsStore.Benchmarks.Report;
using VirtioFsStore.Benchmarks.Trees;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Benchmarks.Guest;

/// <summary>The rows that a real guest measures: one boot, the same tree mounted through both daemons and through 9P, each in turn.</summary>
sealed class GuestBenchmark(BenchmarkOptions options, RealParts parts, TextTable table, Action<string> progress)
{
    const string Own = "ours", Peer = "peer", NineP = "9p";

    // The fastest that 9P has: it keeps what it has seen without asking again, and moves half a megabyte at a time.
    const string Script = """
        mkdir -p /m/9p && mount -t 9p -o trans=virtio,version=9p2000.L,cache=loose,msize=524288 9p /m/9p || exit 1
        """ + GuestSession.Loop;

    static readonly string[] s_modules = ["netfs.ko", "9pnet.ko", "9pnet_virtio.ko", "9p.ko"];

    readonly List<GuestRow> _rows = [];

    public IReadOnlyList<GuestRow> Rows => _rows;

    /// <exception cref="OperationCanceledException">Between two tasks.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        var kernel = Path.Combine(parts.BenchKernel, "vmlinux");
        if (RealParts.Missing(kernel) is { } missing)
            throw new FileNotFoundException($"{missing} (eng/setup bench-kernel)");
        progress($"making {GuestTask.Files} files for the guest");
        var share = Directory.CreateDirectory(Path.Combine(options.WorkDirectory, "guest-share")).FullName;
        SampleTree.Create(share, GuestTask.Files);
        var (ownSocket, peerSocket) = (Path.Combine(options.WorkDirectory, "guest-own.sock"), Path.Combine(options.WorkDirectory, "guest-peer.sock"));
        using var ours = ChildProcess.Start(options.Ours.Program, options.Ours.Serve(share, ownSocket));
        using var theirs = ChildProcess.Start(options.Peer.Program, options.Peer.Serve(share, peerSocket));
        var boot = new GuestOptions
        {
            Script = Script,
            FileSystems = [new(Own, ownSocket), new(Peer, peerSocket)],
            Mounts = [(Own, $"/m/{Own}"), (Peer, $"/m/{Peer}")],
            NinePShares = [new(NineP, share)],
            Kernel = kernel,
            Modules = [.. s_modules.Select(module => Path.Combine(parts.BenchKernel, module))],
            MemoryMiB = 1024,
            Timeout = TimeSpan.FromMinutes(20),
        };
        progress("booting the guest");
        await using var machine = await GuestMachine.StartAsync(boot, parts).ConfigureAwait(false);
        var session = new GuestSession(machine);
        await session.WaitReadyAsync().ConfigureAwait(false);
        table.WriteGuestHead(session.Accelerator, options.PeerName);
        foreach (var task in GuestTask.All.Where(options.Wants))
        {
            stop.ThrowIfCancellationRequested();
            var row = await MeasureAsync(session, task, ours.Id, theirs.Id).ConfigureAwait(false);
            _rows.Add(row);
            table.Write(row);
        }
    }

    async Task<GuestRow> MeasureAsync(GuestSession session, GuestTask task, int ours, int theirs)
    {
        (GuestSeries Series, string Tag, int Process)[] all =
            [(new("ours"), Own, ours), (new(options.PeerName), Peer, theirs), (new("9p"), NineP, 0)];
        for (var round = 0; round < options.GuestRounds; round++)
        {
            for (var turn = 0; turn < all.Length; turn++)
            {
                var (series, tag, process) = all[(turn + round) % all.Length];
                await session.RunAsync($"m=/m/{tag}; {task.Prepare}").ConfigureAwait(false);
                var time = process == 0 ? 0 : Scheduling.ProcessTime(process);
                var elapsed = await session.RunAsync(task.Command).ConfigureAwait(false);
                series.Add(elapsed.TotalSeconds, process == 0 ? null : (Scheduling.ProcessTime(process) - time) / 1e9);
                await session.RunAsync(task.CleanUp).ConfigureAwait(false);
            }
        }
        return new GuestRow(task, all[0].Series, all[1].Series, all[2].Series);
    }
}
