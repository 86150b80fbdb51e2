using System.Globalization;
using System.Text.RegularExpressions;
using VirtioFsStore.Benchmarks.Contenders;
using VirtioFsStore.Benchmarks.Guest;
using VirtioFsStore.Benchmarks.Measurement;
using VirtioFsStore.Benchmarks.Report;
using VirtioFsStore.Benchmarks.Trees;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Benchmarks.Dax;

/// <summary>Guests that have the same image by way of a window and by reads, each in turn. One for each image and mode: QEMU's time for a mapping grows with the
/// number of its vhost devices.</summary>
sealed partial class DaxBenchmark(BenchmarkOptions options, RealParts parts, SampleImage sample, string store, TextTable table, Action<string> progress)
{
    /// <summary>What guests of QEMU 11.1 share at most.</summary>
    const string Window = "256M";

    /// <summary>Under emulation programs run only from ranges that were never another file's (docs/dax.md).</summary>
    const string WindowOfPrograms = "1G";

    bool _headWritten;

    /// <exception cref="OperationCanceledException">Between two tasks.</exception>
    public async Task<IReadOnlyList<DaxRow>> RunAsync(CancellationToken stop)
    {
        var rows = new List<DaxRow>();
        foreach (var tasks in DaxTask.All.Where(options.Wants).GroupBy(task => task.Python).Select(group => group.ToArray()))
        {
            var pairs = new List<IReadOnlyList<DaxPair>>();
            foreach (var mode in DaxMode.Mapped)
                pairs.Add(await MeasureAsync(tasks, mode, stop).ConfigureAwait(false));
            for (var i = 0; i < tasks.Length; i++)
            {
                rows.Add(new DaxRow(tasks[i], [.. pairs.Select(pair => pair[i])]));
                table.Write(rows[^1]);
            }
        }
        return rows;
    }

    /// <summary>One guest: the tasks by way of a window in a mode, and by reads.</summary>
    async Task<IReadOnlyList<DaxPair>> MeasureAsync(DaxTask[] tasks, DaxMode mapped, CancellationToken stop)
    {
        DaxMode[] modes = [mapped, DaxMode.Read];
        var python = tasks[0].Python;
        var daemons = new List<(string Name, ChildProcess Process)>();
        try
        {
            var devices = new List<FileSystemDevice>();
            foreach (var mode in modes)
            {
                var socket = Path.Combine(options.WorkDirectory, $"{mode.Tag}.sock");
                daemons.Add(($"{(python ? "python" : "sample")}, {mode.Name}", ChildProcess.Start(options.Ours.Program, DaemonCommand.ServeImage(
                    python ? parts.DemoImage : sample.Layout, store, socket, ["--stats", .. mode.Window ? (string[])["--tag", mode.Tag, "--dax-window", python ? WindowOfPrograms : Window] : []]))));
                devices.Add(new FileSystemDevice(mode.Tag, socket, Window: mode.Window));
            }
            var pairs = await MeasureAsync(tasks, modes, devices, stop).ConfigureAwait(false);
            foreach (var (name, daemon) in daemons)
            {
                _ = daemon.WaitForExit(TimeSpan.FromSeconds(30));
                if (RequestCounts().Match(daemon.ErrorText) is { Success: true } counts)
                    table.WriteDaxRequests(name, counts.Groups[1].Value);
            }
            return pairs;
        }
        finally
        {
            daemons.ForEach(daemon => daemon.Process.Dispose());
        }
    }

    async Task<IReadOnlyList<DaxPair>> MeasureAsync(DaxTask[] tasks, DaxMode[] modes, List<FileSystemDevice> devices, CancellationToken stop)
    {
        var mounts = modes.Select(mode => $"mkdir -p /m/{mode.Tag}; mount -t virtiofs -o {mode.MountOptions} {mode.Tag} /m/{mode.Tag} || exit 1\n");
        progress($"booting a guest: {modes[0].Name}");
        await using var machine = await GuestMachine.StartAsync(
            new GuestOptions { Script = string.Concat(mounts) + GuestSession.Loop, FileSystems = devices, Tools = true, MemoryMiB = 1024, Timeout = TimeSpan.FromMinutes(40) },
            parts).ConfigureAwait(false);
        var session = new GuestSession(machine);
        await session.WaitReadyAsync().ConfigureAwait(false);
        if (_headWritten != (_headWritten = true))
            table.WriteDaxHead(session.Accelerator);
        var pairs = new List<DaxPair>();
        foreach (var task in tasks)
        {
            var seconds = modes.ToDictionary(mode => mode, _ => new List<double>());
            for (var round = 0; round < options.GuestRounds; round++)
            {
                for (var turn = 0; turn < modes.Length; turn++)
                {
                    stop.ThrowIfCancellationRequested();
                    var mode = modes[(turn + round) % modes.Length];
                    await session.RunAsync($"m=/m/{mode.Tag}; {(task.Cold ? "sync; echo 3 > /proc/sys/vm/drop_caches" : task.Command)}").ConfigureAwait(false);
                    var before = machine.Output.Length;
                    var elapsed = await session.RunAsync(task.Command).ConfigureAwait(false);
                    var said = Took().Match(machine.Output, before);
                    seconds[mode].Add(said.Success ? double.Parse(said.Groups[1].Value, CultureInfo.InvariantCulture) : elapsed.TotalSeconds);
                }
            }
            pairs.Add(new DaxPair(modes[0], Sample.Of(seconds[modes[0]]), Sample.Of(seconds[DaxMode.Read])));
        }
        return pairs;
    }

    [GeneratedRegex(@"took ([\d.e-]+)")]
    private static partial Regex Took();

    [GeneratedRegex("requests: (.*)")]
    private static partial Regex RequestCounts();
}
