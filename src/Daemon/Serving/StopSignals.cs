using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>SIGTERM and SIGINT as a cancellation: the default would end the process in the middle of a request.</summary>
sealed class StopSignals : IDisposable
{
    readonly CancellationTokenSource _stop = new();
    readonly PosixSignalRegistration[] _registrations;

    public StopSignals(ILogger logger)
    {
        _registrations = [.. new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT }.Select(signal => PosixSignalRegistration.Create(signal, context =>
        {
            // The second one ends the process, whatever is in flight.
            if (_stop.IsCancellationRequested)
                return;
            context.Cancel = true;
            Log.Stopping(logger, signal.ToString());
            _stop.Cancel();
        }))];
    }

    public CancellationToken Token => _stop.Token;

    /// <summary>As the first signal does.</summary>
    public void Stop() => _stop.Cancel();

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _stop.Dispose();
    }
}
