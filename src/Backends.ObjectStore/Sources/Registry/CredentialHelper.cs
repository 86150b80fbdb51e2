using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>Asks a program for credentials, as Docker does (docker-credential-helpers: <c>docker-credential-NAME get</c>, the registry on its input).</summary>
static class CredentialHelper
{
    const int MaxOutput = 64 << 10;

    /// <summary>Helpers ask cloud services, or the person's keyring.</summary>
    static readonly TimeSpan s_longest = TimeSpan.FromSeconds(10);

    /// <param name="name">As the configuration says it.</param>
    /// <param name="registry">What credentials are kept under.</param>
    /// <param name="cancellation">Ends the program.</param>
    /// <returns>Null where the helper has none.</returns>
    /// <exception cref="SourceException">There is no such program, or it failed.</exception>
    public static async ValueTask<RegistryCredential?> GetAsync(string name, string registry, CancellationToken cancellation)
    {
        var program = $"docker-credential-{name}";
        if (name.Length == 0 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')) throw new SourceException($"'{program}' is no credential helper's name");
        using var patience = new CancellationTokenSource(s_longest);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        using var process = Start(program);
        try
        {
            var reading = ReadAsync(process.StandardOutput.BaseStream, either.Token);
            try
            {
                await process.StandardInput.WriteAsync($"{registry}\n".AsMemory(), either.Token).ConfigureAwait(false);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It did not read its input; what it says of that comes below.
            }

            var output = await reading.ConfigureAwait(false) ?? throw new SourceException($"{program} wrote more than {MaxOutput} bytes");
            await process.WaitForExitAsync(either.Token).ConfigureAwait(false);
            return process.ExitCode == 0 ? Parse(program, output) : Failed(program, process.ExitCode, output);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new SourceException(SourceFailure.Transient, $"{program} gave no credentials for {registry} in {s_longest.TotalSeconds} s");
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    static Process Start(string program)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(program, ["get"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        }
        catch (Win32Exception e)
        {
            throw new SourceException($"cannot run {program}, which Docker's configuration names: {e.Message}", e);
        }
    }

    static async Task<byte[]?> ReadAsync(Stream output, CancellationToken cancellation)
    {
        var all = new byte[MaxOutput + 1];
        var have = await output.ReadAtLeastAsync(all, all.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
        return have > MaxOutput ? null : all[..have];
    }

    static RegistryCredential? Parse(string program, byte[] output)
    {
        try
        {
            using var document = JsonDocument.Parse(output);
            var (user, secret) = (Text("Username"), Text("Secret"));
            if (string.IsNullOrEmpty(secret)) return null;
            return user == "<token>" ? new RegistryCredential(null, null, secret, null) : new RegistryCredential(user, secret, null, null);

            string? Text(string name) => document.RootElement.TryGetProperty(name, out var value) ? value.GetString() : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new SourceException($"{program} wrote something that is no credentials");
        }
    }

    /// <summary>What it says is on its output, and "not found" is no failure (docker-credential-helpers, credentials/error.go).</summary>
    static RegistryCredential? Failed(string program, int status, byte[] output)
    {
        var said = Encoding.UTF8.GetString(output).Trim();
        if (said.Contains("credentials not found", StringComparison.OrdinalIgnoreCase)) return null;
        said = new string([.. said.Take(200).Select(c => char.IsControl(c) ? ' ' : c)]);
        throw new SourceException($"{program} failed with status {status}{(said.Length > 0 ? ": " + said : "")}");
    }
}
