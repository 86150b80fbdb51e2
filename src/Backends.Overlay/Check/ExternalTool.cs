using System.ComponentModel;
using System.Diagnostics;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>Runs a program of the host and takes what it says.</summary>
static class ExternalTool
{
    public sealed record Outcome(int ExitCode, byte[] Output, string Errors);

    /// <param name="program">By name or path.</param>
    /// <param name="arguments">As they are.</param>
    /// <param name="folder">The one folder in which it can change anything; all else is read-only for it.</param>
    /// <param name="cancellation">Kills it.</param>
    /// <returns>Null if there is no such program.</returns>
    /// <exception cref="ImageException">It cannot be confined to the folder here.</exception>
    public static async Task<Outcome?> TryRunAsync(string program, IEnumerable<string> arguments, string folder, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        // Names come as bytes, messages in English.
        start.Environment["LC_ALL"] = "C";
        Process process;
        try
        {
            process = StartConfined(start, folder);
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

    public static async Task<Outcome> RunAsync(string program, IEnumerable<string> arguments, string folder, CancellationToken cancellation) =>
        await TryRunAsync(program, arguments, folder, cancellation).ConfigureAwait(false)
            ?? throw new ImageException($"the check needs the program '{program}', which is not installed");

    /// <summary>
    /// These programs work as root on what an image says, and follow links of the image as the kernel does. A process inherits the mount
    /// namespace of the thread that starts it, so that one is given up for it.
    /// </summary>
    static Process StartConfined(ProcessStartInfo start, string folder)
    {
        Process? process = null;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                var result = MountNamespace.ConfineThreadTo(folder);
                if (result < 0)
                    throw new ImageException($"{start.FileName} cannot be confined to {folder} ({result.ToErrno().Describe()}): the check needs CAP_SYS_ADMIN and Linux 5.12");
                process = Process.Start(start);
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        return process!;
    }
}
