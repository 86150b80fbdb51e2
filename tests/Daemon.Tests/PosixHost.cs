using System.Collections.Concurrent;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.GuestRunner;
using VirtioFsStore.Posix;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>Tries the rules of tests/Posix on file systems of this host, on each once, when the first of its rows asks.</summary>
public sealed class PosixHost : IDisposable
{
    /// <summary>So few that the rules with many files need more than there are.</summary>
    const string Descriptors = "--nofile=4096:4096";

    static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    readonly TemporaryDirectory _directory = new();
    readonly ConcurrentDictionary<PosixTarget, (PosixResults Results, string Log)> _tried = [];

    public PosixHost() =>
        // The rules' users must get to the targets.
        File.SetUnixFileMode(_directory.Path, (UnixFileMode)0x1ED);

    public static TheoryData<string, string> RowsOf(IEnumerable<PosixTarget> targets)
    {
        var rows = new TheoryData<string, string>();
        foreach (var target in targets)
        {
            foreach (var rule in target.Rules)
                rows.Add(target.Name, rule);
        }
        return rows;
    }

    public void AssertHolds(PosixTarget target, string rule)
    {
        var (results, log) = _tried.GetOrAdd(target, Try);
        var failure = results.FailureOf(rule, log);
        Assert.True(failure is null, failure);
    }

    public void Dispose() => _directory.Dispose();

    (PosixResults Results, string Log) Try(PosixTarget target)
    {
        var place = Directory.CreateDirectory(Path.Combine(_directory.Path, $"{_tried.Count}")).FullName;
        using var backing = new PosixBacking(place, target);
        if (!target.IsMount)
            return Run(target, backing.Directory);
        var mountPoint = Directory.CreateDirectory(Path.Combine(place, "mount")).FullName;
        using var daemon = ChildProcess.Start(
            "prlimit", [Descriptors, Daemon.Program, "mount", "--foreground", backing.Directory, mountPoint, .. target.Options], readyText: "Mounted on");
        try
        {
            var (results, log) = Run(target, mountPoint, "--backing", backing.Directory);
            return (results, $"{log}\n{daemon.ErrorText}");
        }
        finally
        {
            _ = Mounting.Unmount(mountPoint, Mounting.MNT_DETACH);
            daemon.WaitForExit(TimeSpan.FromSeconds(20));
        }
    }

    static (PosixResults Results, string Log) Run(PosixTarget target, string path, params string[] more)
    {
        using var suite = ChildProcess.Launch(
            RealParts.Default.Python, ["-B", Path.Combine(PosixSuite.Folder, "run.py"), path, .. more, .. target.Arguments]);
        var ended = suite.WaitForExit(s_limit);
        return (new(suite.OutputText), $"{(ended ? "" : "The suite did not end.\n")}{suite.ErrorText}");
    }
}
