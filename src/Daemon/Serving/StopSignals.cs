using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>SIGTERM and SIGINT as a cancellation: the default would end the process in the middle of a request. There is one in a process, to its end:
/// once it is disposed of, the process ends by itself, and a signal that comes too late does not make that a failure.</summary>
sealed class StopSignals : IDisposable
{
    readonly CancellationTokenSource _stop = new();
    readonly Lock _stopping = new();
    long _first;
    bool _hasEnded;

    // Never disposed of: the default would take the signal's place before the process has ended.
    readonly PosixSignalRegistration[] _registrations;

    /// <param name="logger">Is told of the first one.</param>
    /// <param name="same">One that follows the first so soon is the same stop by another way: a service manager signals all processes of a
    /// service, and the parent its server. 0: each counts.</param>
    public StopSignals(ILogger logger, TimeSpan same = default)
    {
        _registrations = [.. new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT }.Select(signal => PosixSignalRegistration.Create(signal, context =>
        {
            // A second one ends the process, whatever is in flight.
            if (!Volatile.Read(ref _hasEnded) && _stop.IsCancellationRequested && Stopwatch.GetElapsedTime(Volatile.Read(ref _first)) >= same)
                return;
            context.Cancel = true;
            if (Interlocked.CompareExchange(ref _first, Stopwatch.GetTimestamp(), 0) != 0)
                return;
            lock (_stopping)
            {
                if (_hasEnded)
                    return;
                Log.Stopping(logger, signal.ToString());
                _stop.Cancel();
            }
        }))];
    }

    public CancellationToken Token => _stop.Token;

    /// <summary>As the first signal does.</summary>
    public void Stop() => _stop.Cancel();

    public void Dispose()
    {
        lock (_stopping)
            _hasEnded = true;
        _stop.Dispose();
    }
}
