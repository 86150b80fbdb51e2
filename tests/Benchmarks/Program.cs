using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using VirtioFsStore.Benchmarks.Contenders;
using VirtioFsStore.Benchmarks.Dax;
using VirtioFsStore.Benchmarks.Guest;
using VirtioFsStore.Benchmarks.Lazy;
using VirtioFsStore.Benchmarks.Report;
using VirtioFsStore.Benchmarks.Startup;
using VirtioFsStore.Benchmarks;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.GuestRunner;

const int Interrupted = 130; // as a shell says of SIGINT

var daemon = new Option<string>("--daemon")
{
    Description = "The virtiofs-store to measure.",
    HelpName = "PATH",
    DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, DaemonCommand.OwnProgram),
};
var peer = new Option<string>("--peer")
{
    Description = "What it is held against: virtiofsd, or another build of virtiofs-store (told by the program's name).",
    HelpName = "PATH",
    DefaultValueFactory = _ => RealParts.Default.Virtiofsd,
};
var rounds = new Option<int>("--rounds")
{
    Description = "Rounds of each row; of a guest's, at most 3.", HelpName = "N", DefaultValueFactory = _ => 5,
    Validators = { result => { if (result.GetValueOrDefault<int>() < 1) result.AddError("--rounds: at least 1."); } },
};
var rows = new Option<string?>("--rows")
{
    Description = "Only rows whose \"GROUP OPERATION\" matches, e.g. 'Depth32 (getattr|lookup)' or '^Guest find'. "
        + "The groups: Depth32, Depth1, Depth1OneCore, TwoQueues, Image, Guest.",
    HelpName = "REGEX",
};
var depths = new Option<int[]>("--depths") { Description = "Only rows with so many requests outstanding: 1, 32.", HelpName = "N", AllowMultipleArgumentsPerToken = true };
var quick = new Option<bool>("--quick") { Description = "3 short rounds of each row and no guest: a first look, with a larger spread." };
var skipGuest = new Option<bool>("--skip-guest") { Description = "No rows in a guest." };
var onlyGuest = new Option<bool>("--only-guest") { Description = "Only the rows in a guest." };
var startup = new Option<bool>("--startup") { Description = "Only how long daemons take to start, and what they hold idle: give --daemon the program that eng/publish makes." };
var lazy = new Option<bool>("--lazy")
{
    Description = "Only starts of guests from images in a registry at the end of a slow line; rounds: 1 if not said. --rows takes 'Lazy IMAGE MB STAGE', e.g. 'Lazy demo 3 (Pull|First|Warm)'; Unpack needs Pull, Unpacked both, and Warm FirstIndexed.",
};
var dax = new Option<bool>("--dax")
{
    Description = "Only a guest that has an image by way of a window and by reads, and what guests hold that have read the same. --rows takes 'Dax TASK' and 'Dax memory'.",
};
var requests = new Option<string?>("--requests") { Description = "Appends each request of the lazy rows to this file.", HelpName = "FILE" };
var json = new Option<string?>("--json") { Description = "Writes all that was measured, each round of it, to this file.", HelpName = "FILE" };
var work = new Option<string?>("--work")
{
    Description = "Where to make the trees (1 GB), on a file system with extended attributes. Default: the temporary directory.",
    HelpName = "DIRECTORY",
};

var line = new RootCommand(
    "Measures virtiofs-store beside virtiofsd: both run all the time, each works in turn, and a difference counts only where it is larger than the spread "
    + "of the rounds. docs/performance.md tells how to read the table.")
{
    daemon, peer, rounds, rows, depths, quick, skipGuest, onlyGuest, startup, lazy, dax, requests, json, work,
};
line.SetAction(async (parsed, stop) =>
{
    foreach (var program in (string[])[parsed.GetValue(daemon)!, parsed.GetValue(peer)!])
    {
        if (!File.Exists(program))
            return Fail($"there is no program '{program}': eng/bench builds ours, and eng/setup installs virtiofsd");
    }
    var start = Stopwatch.GetTimestamp();
    var directory = Directory.CreateDirectory(Path.Combine(
        parsed.GetValue(work) ?? Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"virtiofs-bench-{Environment.ProcessId}"))).FullName;
    try
    {
        var isLazy = parsed.GetValue(lazy);
        var isQuick = parsed.GetValue(quick);
        var options = new BenchmarkOptions
        {
            Ours = new DaemonCommand(parsed.GetValue(daemon)!),
            Peer = new DaemonCommand(parsed.GetValue(peer)!),
            Rounds = isQuick ? 3 : isLazy && parsed.GetResult(rounds) is not { Implicit: false } ? 1 : parsed.GetValue(rounds),
            RoundTime = TimeSpan.FromMilliseconds(isQuick ? 150 : 400),
            WarmUp = TimeSpan.FromMilliseconds(isQuick ? 100 : 200),
            Rows = parsed.GetValue(rows) is { } expression ? new Regex(expression, RegexOptions.IgnoreCase) : null,
            Depths = parsed.GetValue(depths) ?? [],
            RequestLog = parsed.GetValue(requests),
            WorkDirectory = directory,
        };
        var machine = MachineDescription.Of(options.Ours, options.Peer);
        var table = new TextTable(Console.Out);
        table.Write(machine);
        if (parsed.GetValue(startup))
        {
            table.Write(Goals.Of(new StartupBenchmark(options, table, Progress).Run(stop)));
            return 0;
        }
        if (isLazy)
        {
            var lazyRows = await new LazyBenchmark(options, RealParts.Default, table, Progress).RunAsync(stop).ConfigureAwait(false);
            table.Write(LazyGoals.Of(lazyRows));
            return 0;
        }
        if (parsed.GetValue(dax))
        {
            table.Write(await DaxSuite.RunAsync(options, RealParts.Default, table, Progress, stop).ConfigureAwait(false));
            return 0;
        }
        var driver = new DriverBenchmark(options, table, Progress);
        if (!parsed.GetValue(onlyGuest))
            driver.Run(stop);
        var guest = new GuestBenchmark(options, RealParts.Default, table, Progress);
        if (!parsed.GetValue(skipGuest) && !isQuick && GuestTask.All.Any(options.Wants))
            await guest.RunAsync(stop).ConfigureAwait(false);
        Goal[] goals = [.. Goals.Of(driver.Rows, driver.Memory)];
        table.Write(driver.Memory);
        table.Write(goals);
        if (parsed.GetValue(json) is { } file)
        {
            await File.WriteAllTextAsync(file, JsonReport.Write(machine, options, driver.Rows, guest.Rows, driver.Memory, goals) + "\n", stop)
                .ConfigureAwait(false);
        }
        return 0;
    }
    catch (OperationCanceledException)
    {
        Progress("interrupted");
        return Interrupted;
    }
    finally
    {
        TemporaryDirectory.Delete(directory);
    }

    void Progress(string text) =>
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"bench: {Stopwatch.GetElapsedTime(start).TotalSeconds:F0} s: {text}"));
});
// A row that is being measured is finished first, and the trees are deleted.
return await line.Parse(args).InvokeAsync(new() { ProcessTerminationTimeout = TimeSpan.FromMinutes(2) }).ConfigureAwait(false);

static int Fail(string message)
{
    Console.Error.WriteLine($"bench: {message}");
    return 1;
}
