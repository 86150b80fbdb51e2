using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using VirtioFsStore.GuestRunner;

const int TimedOutStatus = 124; // as timeout(1)
const int NoStatus = 125;

var fs = new Option<string[]>("--fs") { Description = "A virtio-fs device, TAG=SOCKET[,queues=N][,dax]; dax: with a window, on QEMU's generic vhost-user device, for a daemon that has the tag." };
var mount = new Option<string[]>("--mount") { Description = "Mounts TAG=DIRECTORY in the guest before the script runs." };
var dax = new Option<string?>("--dax") { Description = "The mount option dax of the root and of --mount: always, inode or never." };
var root = new Option<string?>("--root") { Description = "The root is virtio-fs TAG, with a tmpfs overlay for writes." };
var script = new Option<string?>("--script") { Description = "A file with the shell text to run; - for standard input." };
var command = new Option<string?>("--command") { Description = "The shell text to run." };
var shell = new Option<bool>("--shell") { Description = "A shell on this terminal instead; leave it with exit." };
var marker = new Option<string?>("--marker") { Description = "Says on standard error after how many seconds this text came." };
var tools = new Option<bool>("--tools") { Description = "Puts git, SQLite and Python into the initramfs." };
var memory = new Option<int>("--memory") { Description = "MiB.", DefaultValueFactory = _ => 512 };
var cpus = new Option<int>("--cpus") { Description = "Virtual CPUs.", DefaultValueFactory = _ => 1 };
var timeout = new Option<int>("--timeout") { Description = "Kills the guest after so many seconds.", DefaultValueFactory = _ => 120 };
var hostQemu = new Option<bool>("--host-qemu") { Description = "This machine's own QEMU instead of eng/setup's." };
var accelerator = new Option<Accelerator>("--accel") { Description = "KVM if a guest boots with it, or one of the two." };

var line = new RootCommand(
    "Boots a Linux guest in QEMU, runs a shell script in it and ends with its exit status "
    + $"({TimedOutStatus}: killed at the timeout; {NoStatus}: the guest died).")
{
    fs, mount, dax, root, script, command, shell, marker, tools, memory, cpus, timeout, hostQemu, accelerator,
};
line.SetAction(async (parsed, _) =>
{
    GuestOptions options;
    try
    {
        options = new()
        {
            Script = parsed.GetValue(command) ?? await ReadScriptAsync(parsed.GetValue(script)).ConfigureAwait(false),
            Shell = parsed.GetValue(shell),
            Root = parsed.GetValue(root) is { } tag ? GuestRoot.Overlay(tag) : GuestRoot.Initramfs,
            FileSystems = [.. (parsed.GetValue(fs) ?? []).Select(FileSystemDevice.Parse)],
            Mounts = [.. (parsed.GetValue(mount) ?? []).Select(ParseMount)],
            Dax = parsed.GetValue(dax),
            Tools = parsed.GetValue(tools),
            MemoryMiB = parsed.GetValue(memory),
            Cpus = parsed.GetValue(cpus),
            Timeout = parsed.GetValue(shell) ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(parsed.GetValue(timeout)),
            Qemu = parsed.GetValue(hostQemu) ? RealParts.HostQemu : null,
            Accelerator = parsed.GetValue(accelerator),
        };
    }
    catch (Exception error) when (error is FormatException or IOException)
    {
        return Fail(error.Message);
    }

    return await RunAsync(options, parsed.GetValue(marker)).ConfigureAwait(false);
});
return await line.Parse(args).InvokeAsync().ConfigureAwait(false);

static async Task<int> RunAsync(GuestOptions options, string? marker)
{
    GuestMachine machine;
    try
    {
        machine = await GuestMachine.StartAsync(options, onText: Console.Out.Write).ConfigureAwait(false);
    }
    catch (FileNotFoundException error)
    {
        return Fail(error.Message);
    }

    await using (machine.ConfigureAwait(false))
    {
        // QEMU must not outlive this program when it is told to end.
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        Console.Error.WriteLine(machine.Accelerator == Accelerator.Kvm
            ? "guest-run: the guest runs under KVM"
            : "guest-run: the guest is emulated (TCG)");
        if (marker is not null)
        {
            _ = machine.WaitForOutputAsync(marker).ContinueWith(
                seen => Console.Error.WriteLine($"guest-run: '{marker}' after {seen.Result.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture)} s"),
                CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
        }

        var result = await machine.WaitForExitAsync().ConfigureAwait(false);
        if (result.Status is null || result.TimedOut)
        {
            await Console.Error.WriteAsync($"guest-run: {(result with { Output = "" }).Describe()}").ConfigureAwait(false);
        }

        return result.TimedOut ? TimedOutStatus : result.Status ?? NoStatus;

        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            machine.Kill();
        }
    }
}

static async Task<string> ReadScriptAsync(string? path) => path switch
{
    null => "",
    "-" => await Console.In.ReadToEndAsync().ConfigureAwait(false),
    _ => await File.ReadAllTextAsync(path).ConfigureAwait(false),
};

static (string Tag, string Directory) ParseMount(string text) =>
    text.Split('=', 2) is [{ Length: > 0 } tag, ['/', ..] directory]
        ? (tag, directory)
        : throw new FormatException($"'{text}' is not TAG=/DIRECTORY");

static int Fail(string message)
{
    Console.Error.WriteLine($"guest-run: {message}");
    return NoStatus;
}
