using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Guest.Tests;

/// <summary>
/// A daemon that serves one source on a socket. With GUEST_TESTS_PEER=virtiofsd, directories are served by virtiofsd instead:
/// whether a check that fails is wrong itself can be seen that way.
/// </summary>
sealed class DaemonProcess : IAsyncDisposable
{
    const string ReadyMark = "Waiting for vhost-user socket connection";

    static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(2); // A new image is indexed first.
    static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(30);

    readonly Process _process;
    readonly StringBuilder _log = new();
    readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly Task _reading;

    DaemonProcess(Process process, string socket)
    {
        _process = process;
        Socket = socket;
        _reading = ReadLogAsync();
    }

    public string Socket { get; }

    /// <summary>What the daemon wrote on standard error so far.</summary>
    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    /// <summary>Starts a daemon for <paramref name="source"/> and waits until it is ready.</summary>
    public static Task<DaemonProcess> StartAsync(string directory, string source, params string[] options)
    {
        var socket = Path.Combine(directory, "daemon.sock");
        return StartAsync(socket, IsPeer(source)
            ? new ProcessStartInfo(RealParts.Default.Virtiofsd, ["--sandbox", "none", "--xattr", "--socket-path", socket, "--shared-dir", source])
            : new ProcessStartInfo(Metadata("Daemon"), ["serve", "--socket-path", socket, .. options, source]));
    }

    /// <summary>As the other, by way of the program and the words of <paramref name="before"/>, which have the daemon's command line behind them.</summary>
    public static Task<DaemonProcess> StartInAsync(string[] before, string directory, string source, params string[] options)
    {
        var socket = Path.Combine(directory, "daemon.sock");
        return StartAsync(socket, new ProcessStartInfo(before[0], [.. before[1..], Metadata("Daemon"), "serve", "--socket-path", socket, .. options, source]));
    }

    /// <summary>Starts a daemon as Kata's runtime-rs starts nydusd; what it serves is mounted over its API.</summary>
    public static Task<DaemonProcess> StartNydusAsync(string directory, string apiSocket, params string[] options)
    {
        var socket = Path.Combine(directory, "daemon.sock");
        return StartAsync(socket, new ProcessStartInfo(
            Metadata("Daemon"),
            ["virtiofs", "--hybrid-mode", "--log-level", "info", "--apisock", apiSocket, "--sock", socket, "--thread-pool-size=1", "-o", "announce_submounts", .. options]));
    }

    /// <summary>Whether virtiofsd serves <paramref name="source"/>; it knows one request queue only.</summary>
    public static bool IsPeer(string source) =>
        Environment.GetEnvironmentVariable("GUEST_TESTS_PEER") == "virtiofsd" && Path.IsPathRooted(source);

    /// <summary>Waits for the daemon's end and returns its exit code.</summary>
    public async Task<int> WaitForExitAsync()
    {
        try
        {
            using var limit = new CancellationTokenSource(EndLimit);
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"The daemon still runs {EndLimit.TotalSeconds:F0} s after its guest has gone. Its log:\n{Log}");
        }

        await _reading;
        return _process.ExitCode;
    }

    /// <summary>Sends SIGTERM.</summary>
    public async Task TerminateAsync()
    {
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync();
        await _reading;
        _process.Dispose();
    }

    /// <summary>A path that the build noted in this assembly.</summary>
    public static string Metadata(string key) =>
        Path.GetFullPath(Assembly.GetExecutingAssembly().GetCustomAttributes<AssemblyMetadataAttribute>().First(entry => entry.Key == key).Value!);

    static async Task<DaemonProcess> StartAsync(string socket, ProcessStartInfo start)
    {
        start.RedirectStandardError = true;
        var daemon = new DaemonProcess(Process.Start(start)!, socket);
        try
        {
            await daemon._ready.Task.WaitAsync(StartLimit);
            return daemon;
        }
        catch
        {
            await daemon.DisposeAsync();
            throw;
        }
    }

    async Task ReadLogAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_log)
            {
                _log.AppendLine(line);
            }

            if (line.Contains(ReadyMark, StringComparison.Ordinal))
            {
                _ready.TrySetResult();
            }
        }

        _ready.TrySetException(new InvalidOperationException($"The daemon ended before it was ready. Its log:\n{Log}"));
    }
}
