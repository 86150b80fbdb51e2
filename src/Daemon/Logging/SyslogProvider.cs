using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Daemon.Logging;

/// <summary>Sends what is logged to the system's log. Owns the socket.</summary>
sealed class SyslogProvider(SyslogSocket socket) : ILoggerProvider
{
    public ILogger CreateLogger(string categoryName) => new SyslogLogger(socket);

    public void Dispose() => socket.Dispose();
}
