using System.Diagnostics;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.FaultProxy;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Benchmarks.Lazy;

/// <summary>All stages of one image once, over one line. What a stage leaves, the next ones use.</summary>
/// <param name="options">The daemon is in it.</param>
/// <param name="parts">The tools.</param>
/// <param name="image">Which.</param>
/// <param name="proxy">The line to the registry that has the image.</param>
/// <param name="directory">Is there, and empty.</param>
sealed class LazyRound(BenchmarkOptions options, RealParts parts, LazyImage image, FaultServer proxy, string directory)
{
    static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    /// <summary>A daemon ends with its guest, when what it has fetched is on the disk: on a busy one that takes a while.</summary>
    static readonly TimeSpan s_endLimit = TimeSpan.FromMinutes(3);

    string Reference => $"docker://{proxy.Host}/{image.Name}:latest";

    string Indexed => $"{Reference}-indexed";

    /// <exception cref="InvalidOperationException">A program failed; the message has what it wrote.</exception>
    public async Task<LazyMeasure> RunAsync(LazyStage stage)
    {
        var (bytes, requests) = (proxy.BytesSent, proxy.Requests.Count);
        var (seconds, memory) = stage switch
        {
            LazyStage.Pull => (Run(parts.Skopeo, "copy", "--quiet", "--src-tls-verify=false", Reference, $"oci:{At("layout")}:latest"), 0),
            LazyStage.Unpack => (Run(parts.Umoci, "unpack", "--image", $"{At("layout")}:latest", At("bundle")), 0),
            LazyStage.Unpacked => await BootAsync([At("bundle/rootfs")]).ConfigureAwait(false),
            LazyStage.FirstUnindexed => await BootAsync(["--store", At("unindexed"), Reference]).ConfigureAwait(false),
            LazyStage.FirstIndexed or LazyStage.Warm => await BootAsync(["--store", At("indexed"), Indexed]).ConfigureAwait(false),
            LazyStage.ReadAll => ReadAll(),
            _ => throw new ArgumentOutOfRangeException(nameof(stage)),
        };
        return new LazyMeasure(seconds, proxy.BytesSent - bytes, proxy.Requests.Count - requests, memory);
    }

    /// <summary>Why this machine cannot do it; null where it can.</summary>
    public static string? Missing(LazyStage stage, RealParts parts) => stage switch
    {
        LazyStage.Pull or LazyStage.Unpack => RealParts.Missing(parts.Skopeo, parts.Umoci),
        LazyStage.Unpacked => RealParts.Missing(parts.Skopeo, parts.Umoci, parts.ChrootQemu, parts.Kernel, parts.BusyBox, parts.OverlayModule),
        LazyStage.ReadAll => Path.Exists("/dev/fuse") ? null : "there is no /dev/fuse.",
        _ => RealParts.Missing(parts.ChrootQemu, parts.Kernel, parts.BusyBox, parts.OverlayModule),
    };

    string At(string name) => Path.Combine(directory, name);

    async Task<(double Seconds, long Memory)> BootAsync(string[] served)
    {
        var socket = At("root.sock");
        var start = Stopwatch.GetTimestamp();
        using var daemon = ChildProcess.Launch(options.Ours.Program, ["serve", "--socket-path", socket, .. served]);
        using var memory = new TreeMemorySampler(daemon.Id);
        WaitReady(daemon);
        var boot = new GuestOptions
        {
            Script = image.Command, Root = GuestRoot.Overlay("root"), FileSystems = [new("root", socket)], Timeout = s_limit,
        };
        double seconds;
        await using (var machine = await GuestMachine.StartAsync(boot, parts).ConfigureAwait(false))
        {
            await machine.WaitForOutputAsync(LazyImage.Marker).ConfigureAwait(false);
            seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        End(daemon);
        return (seconds, memory.Peak);
    }

    (double Seconds, long Memory) ReadAll()
    {
        var mount = Directory.CreateDirectory(At("mount")).FullName;
        var start = Stopwatch.GetTimestamp();
        using var daemon = ChildProcess.Launch(options.Ours.Program, ["mount", "-f", "--store", At("all"), Indexed, mount], "Mounted on");
        using var memory = new TreeMemorySampler(daemon.Id);
        WaitReady(daemon);
        Run("/bin/sh", "-c", "find \"$1\" -type f -print0 | xargs -0 cat > /dev/null", "sh", mount);
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        daemon.Terminate();
        End(daemon);
        return (seconds, memory.Peak);
    }

    static void WaitReady(ChildProcess daemon)
    {
        var deadline = DateTime.UtcNow + s_limit;
        while (!daemon.WaitReady(1, TimeSpan.FromSeconds(1)))
        {
            if (daemon.HasExited || DateTime.UtcNow > deadline)
                throw new InvalidOperationException($"The daemon does not become ready. It wrote: {daemon.ErrorText}");
        }
    }

    static void End(ChildProcess daemon)
    {
        if (!daemon.WaitForExit(s_endLimit))
            throw new InvalidOperationException($"The daemon does not end. It wrote: {daemon.ErrorText}");
    }

    /// <returns>Seconds.</returns>
    static double Run(string program, params string[] arguments)
    {
        var start = Stopwatch.GetTimestamp();
        using var child = ChildProcess.Launch(program, arguments);
        if (!child.WaitForExit(s_limit) || child.ExitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} failed. It wrote: {child.OutputText}{child.ErrorText}");
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
