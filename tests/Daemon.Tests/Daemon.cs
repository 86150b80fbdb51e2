using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>The built program, as a person starts it.</summary>
static class Daemon
{
    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "virtiofs-store");

    /// <summary>Starts <c>serve</c> and returns when it is ready.</summary>
    public static ChildProcess Serve(string socket, params ReadOnlySpan<string> arguments) =>
        ChildProcess.Start(Program, ["serve", "--socket-path", socket, .. arguments]);

    /// <summary>Runs a command to its end.</summary>
    public static (int ExitCode, string Output, string Error) Run(params ReadOnlySpan<string> arguments)
    {
        using var child = ChildProcess.Launch(Program, [.. arguments]);
        if (!child.WaitForExit(TimeSpan.FromSeconds(60)))
            throw new TimeoutException($"virtiofs-store does not end. It wrote: {child.ErrorText}");
        return (child.ExitCode, child.OutputText, child.ErrorText);
    }
}
