using System.Globalization;
using System.Text.RegularExpressions;
using VirtioFsStore.Benchmarks.Contenders;
using VirtioFsStore.Benchmarks.Guest;
using VirtioFsStore.Benchmarks.Report;
using VirtioFsStore.Benchmarks.Trees;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Benchmarks.Dax;

/// <summary>One guest that has the same images by way of a window and by reads, each in turn.</summary>
sealed partial class DaxBenchmark(BenchmarkOptions options, RealParts parts, SampleImage sample, string store, TextTable table, Action<string> progress)
{
    const string Window = "1G";

    readonly List<DaxRow> _rows = [];

    /// <exception cref="OperationCanceledException">Between two tasks.</exception>
    public async Task<IReadOnlyList<DaxRow>> RunAsync(CancellationToken stop)
    {
        var tasks = DaxTask.All.Where(options.Wants).ToArray();
        if (tasks.Length == 0)
            return _rows;
        var daemons = new List<(string Tag, ChildProcess Process)>();
        try
        {
            var devices = new List<FileSystemDevice>();
            foreach (var python in (bool[])[false, true])
            {
                foreach (var mode in DaxMode.All)
                {
                    var (tag, socket) = (TagOf(mode, python), Path.Combine(options.WorkDirectory, $"{TagOf(mode, python)}.sock"));
                    daemons.Add((tag, ChildProcess.Start(options.Ours.Program, DaemonCommand.ServeImage(
                        python ? parts.DemoImage : sample.Layout, store, socket, ["--stats", .. mode.Window ? (string[])["--tag", tag, "--dax-window", Window] : []]))));
                    devices.Add(new FileSystemDevice(tag, socket, Window: mode.Window));
                }
            }
            await MeasureAsync(tasks, devices, stop).ConfigureAwait(false);
            foreach (var (tag, daemon) in daemons)
            {
                _ = daemon.WaitForExit(TimeSpan.FromSeconds(30));
                if (RequestCounts().Match(daemon.ErrorText) is { Success: true } counts)
                    table.WriteDaxRequests(tag, counts.Groups[1].Value);
            }
        }
        finally
        {
            daemons.ForEach(daemon => daemon.Process.Dispose());
        }
        return _rows;
    }

    static string TagOf(DaxMode mode, bool python) => (python ? "python-" : "sample-") + mode.Tag;

    async Task MeasureAsync(DaxTask[] tasks, List<FileSystemDevice> devices, CancellationToken stop)
    {
        var mounts = (from python in (bool[])[false, true]
                      from mode in DaxMode.All
                      let tag = TagOf(mode, python)
                      select $"mkdir -p /m/{tag}; mount -t virtiofs -o {mode.MountOptions} {tag} /m/{tag} || exit 1\n").ToArray();
        progress("booting the guest");
        await using var machine = await GuestMachine.StartAsync(
            new GuestOptions { Script = string.Concat(mounts) + GuestSession.Loop, FileSystems = devices, Tools = true, MemoryMiB = 1024, Timeout = TimeSpan.FromMinutes(40) },
            parts).ConfigureAwait(false);
        var session = new GuestSession(machine);
        await session.WaitReadyAsync().ConfigureAwait(false);
        table.WriteDaxHead(session.Accelerator);
        foreach (var task in tasks)
        {
            var seconds = DaxMode.All.ToDictionary(mode => mode, _ => new List<double>());
            for (var round = 0; round < options.GuestRounds; round++)
            {
                for (var turn = 0; turn < DaxMode.All.Count; turn++)
                {
                    stop.ThrowIfCancellationRequested();
                    var mode = DaxMode.All[(turn + round) % DaxMode.All.Count];
                    await session.RunAsync($"m=/m/{TagOf(mode, task.Python)}; {(task.Cold ? "sync; echo 3 > /proc/sys/vm/drop_caches" : task.Command)}").ConfigureAwait(false);
                    var before = machine.Output.Length;
                    var elapsed = await session.RunAsync(task.Command).ConfigureAwait(false);
                    var said = Took().Match(machine.Output, before);
                    seconds[mode].Add(said.Success ? double.Parse(said.Groups[1].Value, CultureInfo.InvariantCulture) : elapsed.TotalSeconds);
                }
            }
            _rows.Add(new DaxRow(task, seconds));
            table.Write(_rows[^1]);
        }
    }

    [GeneratedRegex(@"took ([\d.e-]+)")]
    private static partial Regex Took();

    [GeneratedRegex("requests: (.*)")]
    private static partial Regex RequestCounts();
}
