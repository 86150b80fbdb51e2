using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>SIGTERM and SIGINT as a cancellation: the default would end the process in the middle of a request.</summary>
sealed class StopSignals : IDisposable
{
    static readonly TimeSpan s_same = TimeSpan.FromSeconds(2);

    readonly CancellationTokenSource _stop = new();
    long _first;
    readonly PosixSignalRegistration[] _registrations;

    public StopSignals(ILogger logger)
    {
        _registrations = [.. new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT }.Select(signal => PosixSignalRegistration.Create(signal, context =>
        {
            // A second one ends the process, whatever is in flight; one that follows at once is the same stop by another way: a service
            // manager signals all processes, and the parent its server.
            if (_stop.IsCancellationRequested && Stopwatch.GetElapsedTime(Volatile.Read(ref _first)) > s_same)
                return;
            context.Cancel = true;
            if (Interlocked.CompareExchange(ref _first, Stopwatch.GetTimestamp(), 0) != 0)
                return;
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
