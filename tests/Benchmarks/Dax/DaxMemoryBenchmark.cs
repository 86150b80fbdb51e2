using System.Diagnostics;
using VirtioFsStore.Benchmarks.Contenders;
using VirtioFsStore.Benchmarks.Guest;
using VirtioFsStore.Benchmarks.Measurement;
using VirtioFsStore.Benchmarks.Report;
using VirtioFsStore.Benchmarks.Startup;
using VirtioFsStore.Benchmarks.Trees;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Benchmarks.Dax;

/// <summary>What one, two and four guests hold on the host that have read the same file of one store.</summary>
sealed class DaxMemoryBenchmark(BenchmarkOptions options, RealParts parts, SampleImage sample, string store, long dataSize, TextTable table, Action<string> progress)
{
    const ulong Window = 1 << 30;
    const ulong Range = 2 << 20;

    static readonly int[] s_guests = [1, 2, 4];

    public async Task<IReadOnlyList<DaxMemoryRow>> RunAsync(CancellationToken stop)
    {
        var rows = new List<DaxMemoryRow>();
        if (!options.WantsDaxMemory)
            return rows;
        // So that no guest's own part is what indexing the image has left.
        using (var daemon = ChildProcess.Start(options.Ours.Program, DaemonCommand.ServeImage(sample.Layout, store, Path.Combine(options.WorkDirectory, "first.sock"))))
            VirtualMachine.Mount(Path.Combine(options.WorkDirectory, "first.sock"), new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice }).Dispose();
        table.WriteDaxMemoryHead(dataSize);
        foreach (var mode in DaxMode.All)
            rows.Add(await MeasureAsync($"QEMU, {mode.Name}", mode.Window, mode == DaxMode.Default, (sockets, look) => BootAsync(sockets, mode, look), stop).ConfigureAwait(false));
        rows.Add(await MeasureAsync("a VMM that maps read-only (Driver)", mapped: true, shared: true, Map, stop).ConfigureAwait(false));
        return rows;
    }

    /// <param name="name">Of the row.</param>
    /// <param name="mapped">By way of a window.</param>
    /// <param name="shared">One copy is meant to be enough.</param>
    /// <param name="guests">Starts a guest at each socket, calls the function when they are ready with the VMMs' processes, lets them read, and calls it again.</param>
    /// <param name="stop">Between two numbers of guests.</param>
    async Task<DaxMemoryRow> MeasureAsync(string name, bool mapped, bool shared, Func<string[], Action<IEnumerable<int>>, Task> guests, CancellationToken stop)
    {
        var held = new Dictionary<int, long>();
        foreach (var count in s_guests)
        {
            stop.ThrowIfCancellationRequested();
            progress($"{name}: {count} guests");
            await File.WriteAllTextAsync("/proc/sys/vm/drop_caches", "1", stop).ConfigureAwait(false);
            string[] sockets = [.. Enumerable.Range(0, count).Select(i => Path.Combine(options.WorkDirectory, $"memory-{i}.sock"))];
            var daemons = sockets.Select(socket => ChildProcess.Start(options.Ours.Program, DaemonCommand.ServeImage(
                sample.Layout, store, socket, mapped ? ["--tag", "data", "--dax-window", "1G"] : []))).ToList();
            try
            {
                var looks = new List<long>();
                await guests(sockets, vmms => looks.Add(daemons.Select(daemon => daemon.Id).Concat(vmms).SelectMany(ProcessTree.Of).Distinct().Sum(MemoryUsage.OwnShareOf) + CachedPages()))
                    .ConfigureAwait(false);
                held[count] = looks[1] - looks[0];
                daemons.ForEach(daemon => _ = daemon.WaitForExit(TimeSpan.FromSeconds(30)));
            }
            finally
            {
                daemons.ForEach(daemon => daemon.Dispose());
            }
        }
        var row = new DaxMemoryRow(name, shared, dataSize, held);
        table.Write(row);
        return row;
    }

    async Task BootAsync(string[] sockets, DaxMode mode, Action<IEnumerable<int>> look)
    {
        var machines = new List<GuestMachine>();
        try
        {
            foreach (var socket in sockets)
            {
                machines.Add(await GuestMachine.StartAsync(new GuestOptions
                {
                    Script = $"mkdir /m; mount -t virtiofs -o {mode.MountOptions} data /m || exit 1\n{GuestSession.Loop}",
                    FileSystems = [new FileSystemDevice("data", socket, Window: mode.Window)],
                    MemoryMiB = 768,
                    Timeout = TimeSpan.FromMinutes(20),
                }, parts).ConfigureAwait(false));
            }
            GuestSession[] sessions = [.. machines.Select(machine => new GuestSession(machine))];
            foreach (var session in sessions)
                await session.WaitReadyAsync().ConfigureAwait(false);
            look(machines.Select(machine => machine.ProcessId));
            foreach (var session in sessions)
                await session.RunAsync($"cat /m/{SampleTree.LargeName} > /dev/null").ConfigureAwait(false);
            look(machines.Select(machine => machine.ProcessId));
        }
        finally
        {
            foreach (var machine in machines)
                await machine.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>The Driver is this process.</summary>
    Task Map(string[] sockets, Action<IEnumerable<int>> look)
    {
        var machines = sockets.Select(socket => VirtualMachine.Mount(socket, new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice })).ToList();
        try
        {
            look([Environment.ProcessId]);
            foreach (var machine in machines)
            {
                var node = machine.Fuse.Walk(SampleTree.LargeName).NodeId;
                for (var offset = 0UL; offset < (ulong)dataSize; offset += Range)
                {
                    if (machine.Fuse.SetupMapping(node, offset, Range, offset, writable: false) is not 0 and var error)
                        throw new InvalidOperationException($"The server mapped nothing: error {error}.");
                    machine.Window!.Touch(offset, Range);
                }
            }
            look([Environment.ProcessId]);
        }
        finally
        {
            machines.ForEach(machine => machine.Dispose());
        }
        return Task.CompletedTask;
    }

    /// <summary>Bytes of the store's data files that lie in the page cache, mapped or not.</summary>
    long CachedPages()
    {
        var files = Directory.GetFiles(store, "data", SearchOption.AllDirectories);
        using var fincore = Process.Start(new ProcessStartInfo("fincore", ["--bytes", "--noheadings", "--output", "RES", .. files]) { RedirectStandardOutput = true })!;
        var output = fincore.StandardOutput.ReadToEnd();
        fincore.WaitForExit();
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Sum(long.Parse);
    }
}
