using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>Processes that wait for a lock of the host's, by way of a mount, and the signals that reach them there.</summary>
public sealed class HostMountInterruptTests : IDisposable
{
    /// <summary>
    /// Takes a range lock, or says why not. On USR1 it goes on; Perl's handlers do not restart system calls. A shell that starts tests in the
    /// background has them, and what they start, ignore SIGINT: that is taken back.
    /// </summary>
    const string RangeLock = """
        use Fcntl; $| = 1; $SIG{USR1} = sub {}; $SIG{INT} = 'DEFAULT';
        open(my $file, '+<', $ARGV[0]) or die "open: $!";
        my $lock = pack('ssx4qqi', F_WRLCK, 0, 0, 0, 0);
        print fcntl($file, F_SETLKW, $lock) ? "locked\n" : "$!\n";
        """;

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    readonly MountedShare _share = new();
    readonly List<FileDescriptor> _held = [];

    public void Dispose()
    {
        foreach (var held in _held)
            held.Dispose();
        _share.Dispose();
    }

    [HostMountTheory]
    [InlineData("INT")]
    [InlineData("KILL")]
    public void A_signal_ends_a_process_that_waits_for_a_range_lock(string signal)
    {
        using var server = _share.Serve("--posix-lock");
        HoldRange("f");
        using var waiting = Wait("f");

        Signal(waiting, signal);

        Assert.True(waiting.WaitForExit(s_patience), $"it still waits; the server wrote: {server.ErrorText}");
        Assert.Equal("", waiting.OutputText);
    }

    [HostMountFact]
    public void A_handled_signal_makes_the_call_answer_EINTR()
    {
        using var server = _share.Serve("--posix-lock");
        HoldRange("f");
        using var waiting = Wait("f");

        Signal(waiting, "USR1");

        Assert.True(waiting.WaitForExit(s_patience), server.ErrorText);
        Assert.Equal("Interrupted system call\n", waiting.OutputText);
    }

    [HostMountFact]
    public void A_signal_ends_a_process_that_waits_for_flock()
    {
        using var server = _share.Serve("--flock");
        var file = Create("f");
        Assert.Equal(0, FileLocks.SetWhole(file, FileLocks.LOCK_EX));
        using var waiting = ChildProcess.Launch("flock", [_share.Mounted("f"), "echo", "locked"]);
        AwaitBlocked(waiting, SystemCall.Flock);

        Signal(waiting, "TERM");

        Assert.True(waiting.WaitForExit(s_patience), server.ErrorText);
        Assert.Equal("", waiting.OutputText);
    }

    [HostMountFact]
    public void A_process_that_was_killed_while_it_waited_gets_no_lock_later()
    {
        using var server = _share.Serve("--posix-lock");
        var held = HoldRange("f");
        using (var waiting = Wait("f"))
        {
            Signal(waiting, "KILL");
            Assert.True(waiting.WaitForExit(s_patience), server.ErrorText);
        }

        Assert.Equal(0, FileLocks.SetRange(held, new ByteRangeLock { Type = FileLocks.F_UNLCK }));

        using var next = ChildProcess.Launch("perl", ["-e", RangeLock, _share.Mounted("f")]);
        Assert.True(next.WaitForExit(s_patience), server.ErrorText);
        Assert.Equal("locked\n", next.OutputText);
    }

    [HostMountFact]
    public void Each_of_many_waiting_processes_is_interrupted_whichever_thread_reads_the_interrupt()
    {
        using var server = _share.Serve("--posix-lock", "--threads", "4");
        HoldRange("f");
        var waiting = Enumerable.Range(0, 12).Select(_ => ChildProcess.Launch("perl", ["-e", RangeLock, _share.Mounted("f")])).ToList();
        waiting.ForEach(process => AwaitBlocked(process, SystemCall.Fcntl));

        waiting.ForEach(process => Signal(process, "USR1"));

        Assert.All(waiting, process => Assert.True(process.WaitForExit(s_patience), server.ErrorText));
        Assert.All(waiting, process => Assert.Equal("Interrupted system call\n", process.OutputText));
        waiting.ForEach(process => process.Dispose());
    }

    [HostMountFact]
    public void A_server_told_twice_to_stop_ends_although_a_process_waits()
    {
        using var server = _share.Serve("--posix-lock");
        HoldRange("f");
        using var waiting = Wait("f");
        server.Terminate();
        Assert.True(SpinWait.SpinUntil(() => server.ErrorText.Contains("is in use", StringComparison.Ordinal), s_patience), server.ErrorText);

        server.Terminate();

        Assert.True(server.WaitForExit(s_patience), server.ErrorText);
        // The kernel gives up what nobody will answer.
        Assert.True(waiting.WaitForExit(s_patience));
        Assert.DoesNotContain("locked", waiting.OutputText, StringComparison.Ordinal);
    }

    /// <summary>A process that waits for a lock of that file: when this returns, the kernel has sent its request.</summary>
    ChildProcess Wait(string name)
    {
        var process = ChildProcess.Launch("perl", ["-e", RangeLock, _share.Mounted(name)]);
        AwaitBlocked(process, SystemCall.Fcntl);
        return process;
    }

    static void AwaitBlocked(ChildProcess process, string call)
    {
        // proc(5): the number of the system call in which it is blocked comes first.
        var path = $"/proc/{process.Id}/syscall";
        if (!SpinWait.SpinUntil(() => process.HasExited || File.ReadAllText(path).StartsWith($"{call} ", StringComparison.Ordinal), s_patience) || process.HasExited)
            throw new TimeoutException($"It does not wait: {process.OutputText}{process.ErrorText}");
    }

    /// <summary>A file of the share, opened on the host.</summary>
    int Create(string name)
    {
        var path = Path.Combine(_share.Share, name);
        File.WriteAllText(path, "");
        _held.Add(new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Open(path, OpenFlags.O_RDWR), "open", path)));
        return _held[^1].Value;
    }

    int HoldRange(string name)
    {
        var file = Create(name);
        Assert.Equal(0, FileLocks.SetRange(file, new ByteRangeLock { Type = FileLocks.F_WRLCK }));
        return file;
    }

    static void Signal(ChildProcess process, string signal)
    {
        using var kill = ChildProcess.Launch("/bin/sh", ["-c", $"kill -{signal} {process.Id}"]);
        Assert.True(kill.WaitForExit(s_patience));
    }

    /// <summary>Numbers of system calls (asm/unistd_64.h, asm-generic/unistd.h).</summary>
    static class SystemCall
    {
        static readonly bool s_arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

        public static string Fcntl => s_arm ? "25" : "72";

        public static string Flock => s_arm ? "32" : "73";
    }
}
