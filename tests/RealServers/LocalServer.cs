using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.RealServers;

/// <summary>A real server on a port of 127.0.0.1, with a folder of its own; it can be stopped and started again, and ends with this object.</summary>
public abstract class LocalServer : IAsyncDisposable
{
    /// <summary>Another program may take a port between its choice and its use.</summary>
    const int Attempts = 3;

    ServerProcess? _server;

    private protected LocalServer()
    {
    }

    /// <summary>What it wrote since it was started last.</summary>
    public string Log => _server?.Log ?? "";

    private protected TemporaryDirectory Folder { get; } = new();

    private protected int Port { get; private set; }

    /// <summary>Nobody answers on its port from now on. What is stored stays.</summary>
    public void Stop()
    {
        _server?.Dispose();
        _server = null;
    }

    /// <summary>On the port that it had.</summary>
    public async Task StartAgainAsync()
    {
        Stop();
        _server = await LaunchAsync().ConfigureAwait(false);
    }

    public ValueTask DisposeAsync()
    {
        Stop();
        Folder.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    /// <summary>Starts one that was just made, or disposes of it.</summary>
    /// <param name="prepared">Is done once its configuration is written, before it runs.</param>
    private protected async Task StartOnFreePortAsync(Action? prepared = null)
    {
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                Port = LocalPort.FindFree();
                WriteConfiguration();
                if (attempt == 1) prepared?.Invoke();
                try
                {
                    _server = await LaunchAsync().ConfigureAwait(false);
                    return;
                }
                catch (InvalidOperationException) when (attempt < Attempts)
                {
                    // With another port.
                }
            }
        }
        catch
        {
            await DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>For <see cref="Port"/>.</summary>
    private protected abstract void WriteConfiguration();

    private protected abstract Task<ServerProcess> LaunchAsync();
}
