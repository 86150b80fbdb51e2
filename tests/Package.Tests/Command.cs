using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Package.Tests;

/// <summary>A program run to its end.</summary>
static class Command
{
    // For what hangs; a loaded machine takes its time.
    static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    /// <summary>Stdout; a failure is an exception that tells stderr.</summary>
    public static string Run(string program, params ReadOnlySpan<string> arguments) => Run(s_limit, program, arguments);

    public static string Run(TimeSpan limit, string program, params ReadOnlySpan<string> arguments)
    {
        var (code, output, error) = Try(limit, program, arguments);
        return code == 0 ? output : throw new InvalidOperationException($"{program} {string.Join(' ', arguments!)} ended with {code}. It wrote: {output}{error}");
    }

    public static (int Code, string Output, string Error) Try(TimeSpan limit, string program, params ReadOnlySpan<string> arguments)
    {
        using var child = ChildProcess.Launch(program, arguments.ToArray(), environment: new Dictionary<string, string> { ["LC_ALL"] = "C.UTF-8", ["DEBIAN_FRONTEND"] = "noninteractive" });
        if (!child.WaitForExit(limit))
            throw new TimeoutException($"{program} does not end. It wrote: {child.OutputText}{child.ErrorText}");
        return (child.ExitCode, child.OutputText, child.ErrorText);
    }
}
