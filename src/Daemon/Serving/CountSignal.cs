using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>Logs what the served images have cost at each SIGUSR1.</summary>
/// <param name="images">The images.</param>
/// <param name="logger">Where to.</param>
/// <param name="others">Logs what else is counted.</param>
sealed class CountSignal(ServedImages images, ILogger logger, Func<Task>? others = null) : IDisposable
{
    const int SIGUSR1 = 10;

    readonly PosixSignalRegistration _registration = PosixSignalRegistration.Create((PosixSignal)SIGUSR1, context =>
    {
        // The default would end the process.
        context.Cancel = true;
        _ = Task.Run(async () =>
        {
            await images.LogAsync(logger, CancellationToken.None).ConfigureAwait(false);
            if (others is not null)
                await others().ConfigureAwait(false);
        });
    });

    public void Dispose() => _registration.Dispose();
}
