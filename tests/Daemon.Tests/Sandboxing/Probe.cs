using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Daemon.Tests.Sandboxing;

/// <summary>The program that confines itself as the server does and says what came of it (tests/SandboxProbe).</summary>
static class Probe
{
    /// <summary>Exit code of a process that SIGSYS ended, as a shell tells it.</summary>
    public const int EndedBySigsys = 128 + 31;

    /// <summary>Of one that SIGABRT ended.</summary>
    public const int EndedBySigabrt = 128 + 6;

    // Threads of the pool end soon after they fell idle, for the probe to see it.
    static readonly Dictionary<string, string> s_environment = new() { ["DOTNET_ThreadPool_ThreadTimeoutMs"] = "100" };

    /// <summary>Runs it to its end.</summary>
    public static (int ExitCode, string Output, string Error) Run(params ReadOnlySpan<string> arguments)
    {
        using var child = ChildProcess.Launch(Path.Combine(AppContext.BaseDirectory, "virtiofs-sandbox-probe"), [.. arguments], environment: s_environment);
        if (!child.WaitForExit(TimeSpan.FromMinutes(3)))
            throw new TimeoutException($"The probe does not end. It wrote: {child.OutputText}{child.ErrorText}");
        return (child.ExitCode, child.OutputText, child.ErrorText);
    }
}
