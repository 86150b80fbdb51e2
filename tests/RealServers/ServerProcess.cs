using System.Diagnostics;
using System.Globalization;
using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.RealServers;

/// <summary>A server as a child process, which ends with this object, and with this process however that ends.</summary>
sealed class ServerProcess : IDisposable
{
    static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(60);
    static readonly TimeSpan s_between = TimeSpan.FromMilliseconds(20);

    readonly string _program;
    readonly ChildProcess _server;
    readonly Process _guard;

    ServerProcess(string program, IEnumerable<string> arguments)
    {
        _program = program;
        _server = ChildProcess.Launch(program, arguments);
        // The end of its input is the end of this process.
        _guard = Process.Start(new ProcessStartInfo("sh", ["-c", "cat > /dev/null; kill -9 \"$1\"", "sh", _server.Id.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardInput = true,
        })!;
    }

    public string Log => _server.OutputText + _server.ErrorText;

    /// <summary>Starts a server and returns when it answers HTTP requests.</summary>
    /// <exception cref="InvalidOperationException">It ended, or does not answer in time; the message holds its log.</exception>
    public static async Task<ServerProcess> StartAsync(string program, IEnumerable<string> arguments, Func<CancellationToken, Task> ask, CancellationToken cancellation)
    {
        var server = new ServerProcess(program, arguments);
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(s_startLimit);
            while (!await server.AnswersAsync(ask, limit.Token).ConfigureAwait(false))
                await Task.Delay(s_between, limit.Token).ConfigureAwait(false);
            return server;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            var log = server.Log;
            server.Dispose();
            throw new InvalidOperationException($"{program} does not answer after {s_startLimit.TotalSeconds} s. It wrote:\n{log}");
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        // Before the guard sees its input end: it must not kill whoever has that pid then.
        if (!_guard.HasExited) _guard.Kill();
        _guard.WaitForExit();
        _guard.Dispose();
        _server.Dispose();
    }

    async Task<bool> AnswersAsync(Func<CancellationToken, Task> ask, CancellationToken cancellation)
    {
        // Whoever answers on its port when it has ended is another.
        if (_server.WaitForExit(TimeSpan.Zero))
            throw new InvalidOperationException($"{_program} ended with {_server.ExitCode} before it was ready. It wrote:\n{Log}");
        try
        {
            await ask(cancellation).ConfigureAwait(false);
            return true;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
