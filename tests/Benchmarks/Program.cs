using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using VirtioFsStore.Benchmarks;
using VirtioFsStore.Benchmarks.Contenders;
using VirtioFsStore.Benchmarks.Report;
using VirtioFsStore.GuestRunner;

var daemon = new Option<string>("--daemon")
{
    Description = "The virtiofs-store to measure.",
    DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, DaemonCommand.OwnProgram),
};
var peer = new Option<string>("--peer")
{
    Description = "What it is held against: virtiofsd, or another build of virtiofs-store (told by the program's name).",
    DefaultValueFactory = _ => RealParts.Default.Virtiofsd,
};
var rounds = new Option<int>("--rounds") { Description = "Rounds of each row.", DefaultValueFactory = _ => 5 };
var rows = new Option<string?>("--rows") { Description = "Only rows whose \"GROUP OPERATION\" matches this regular expression, e.g. 'Depth32 (getattr|lookup)'." };
var quick = new Option<bool>("--quick") { Description = "3 short rounds of each row: a first look, with a larger spread." };
var work = new Option<string?>("--work") { Description = "Where to make the trees (400 MB), on a file system with extended attributes. Default: the temporary directory." };

var line = new RootCommand("Measures virtiofs-store beside virtiofsd.") { daemon, peer, rounds, rows, quick, work };
line.SetAction(parsed =>
{
    var start = Stopwatch.GetTimestamp();
    var directory = Directory.CreateDirectory(
        Path.Combine(parsed.GetValue(work) ?? Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"virtiofs-bench-{Environment.ProcessId}"))).FullName;
    try
    {
        var isQuick = parsed.GetValue(quick);
        var options = new BenchmarkOptions
        {
            Ours = new DaemonCommand(parsed.GetValue(daemon)!),
            Peer = new DaemonCommand(parsed.GetValue(peer)!),
            Rounds = isQuick ? 3 : parsed.GetValue(rounds),
            RoundTime = TimeSpan.FromMilliseconds(isQuick ? 150 : 400),
            WarmUp = TimeSpan.FromMilliseconds(isQuick ? 100 : 200),
            Rows = parsed.GetValue(rows) is { } expression ? new Regex(expression, RegexOptions.IgnoreCase) : null,
            WorkDirectory = directory,
        };
        var benchmark = new DriverBenchmark(options, new TextTable(Console.Out), Progress);
        benchmark.Run();
        foreach (var row in benchmark.Memory)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{row.Name,-40} {row.Idle / 1e6:F0} {row.Peak / 1e6:F0} {row.After / 1e6:F0} MB"));
        return 0;
    }
    finally
    {
        Directory.Delete(directory, recursive: true);
    }

    void Progress(string text) => Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"bench: {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s: {text}"));
});
return line.Parse(args).Invoke();
