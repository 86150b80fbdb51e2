using System.ComponentModel;
using System.Diagnostics;
using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>Runs a program of the host and takes what it says.</summary>
static class ExternalTool
{
    public sealed record Outcome(int ExitCode, byte[] Output, string Errors);

    /// <summary>Null if there is no such program.</summary>
    public static async Task<Outcome?> TryRunAsync(string program, IEnumerable<string> arguments, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        // Names come as bytes, messages in English.
        start.Environment["LC_ALL"] = "C";
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            return null;
        }

        using (process)
        {
            try
            {
                process.StandardInput.Close();
                using var output = new MemoryStream();
                var copying = process.StandardOutput.BaseStream.CopyToAsync(output, cancellation);
                var errors = await process.StandardError.ReadToEndAsync(cancellation).ConfigureAwait(false);
                await copying.ConfigureAwait(false);
                await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
                return new Outcome(process.ExitCode, output.ToArray(), errors);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                throw;
            }
        }
    }

    public static async Task<Outcome> RunAsync(string program, IEnumerable<string> arguments, CancellationToken cancellation) =>
        await TryRunAsync(program, arguments, cancellation).ConfigureAwait(false)
            ?? throw new ImageException($"the check needs the program '{program}', which is not installed");
}
