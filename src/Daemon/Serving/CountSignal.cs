using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>Logs what the served images have cost at each SIGUSR1.</summary>
sealed class CountSignal(ServedImages images, ILogger logger) : IDisposable
{
    const int SIGUSR1 = 10;

    readonly PosixSignalRegistration _registration = PosixSignalRegistration.Create((PosixSignal)SIGUSR1, context =>
    {
        // The default would end the process.
        context.Cancel = true;
        _ = Task.Run(() => images.LogAsync(logger, CancellationToken.None));
    });

    public void Dispose() => _registration.Dispose();
}
