using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Driver.FileSystems;

/// <summary>
/// Stands in front of one kind of operation: holds each until the test lets it go on, or makes it fail. Operations that are
/// held honour their cancellation.
/// </summary>
public sealed class OperationGate : IDisposable
{
    readonly Lock _lock = new();
    readonly Queue<TaskCompletionSource> _held = [];
    readonly SemaphoreSlim _arrived = new(0);
    readonly Func<Exception>? _exception;
    readonly Errno _error;
    readonly bool _ignoresCancellation;
    bool _open;

    OperationGate(Errno error, Func<Exception>? exception, bool ignoresCancellation)
    {
        _error = error;
        _exception = exception;
        _ignoresCancellation = ignoresCancellation;
        _open = error != Errno.None || exception is not null;
    }

    /// <summary>Holds operations until <see cref="Release"/> or <see cref="Open"/>.</summary>
    public static OperationGate Hold() => new(Errno.None, null, false);

    /// <summary>Holds operations as an unresponsive disk does: cancelling them has no effect.</summary>
    public static OperationGate HoldFirmly() => new(Errno.None, null, true);

    /// <summary>Answers an error.</summary>
    public static OperationGate Fail(Errno error) => new(error, null, false);

    /// <summary>Throws where an operation should have answered.</summary>
    public static OperationGate Throw(Func<Exception> exception) => new(Errno.None, exception, false);

    /// <summary>Operations held now.</summary>
    public int HeldCount
    {
        get
        {
            lock (_lock)
                return _held.Count(one => !one.Task.IsCompleted);
        }
    }

    /// <summary>Waits until <paramref name="count"/> more operations have arrived since the last call.</summary>
    /// <exception cref="TimeoutException">They have not.</exception>
    public void WaitForArrivals(int count = 1, TimeSpan? timeout = null)
    {
        for (var i = 0; i < count; i++)
            if (!_arrived.Wait(timeout ?? TimeSpan.FromSeconds(20)))
                throw new TimeoutException($"Only {i} of {count} operations arrived.");
    }

    /// <summary>Lets the operation go on that has been held longest.</summary>
    public void Release()
    {
        lock (_lock)
        {
            while (_held.TryDequeue(out var next))
                if (next.TrySetResult())
                    return;
        }
        throw new InvalidOperationException("No operation is held.");
    }

    /// <summary>Lets all go on, and holds none from now on.</summary>
    public void Open()
    {
        lock (_lock)
        {
            _open = true;
            while (_held.TryDequeue(out var next))
                next.TrySetResult();
        }
    }

    public void Dispose() => _arrived.Dispose();

    internal async ValueTask<Errno> RunAsync<TState>(RequestContext request, TState state, Func<TState, Errno> operation)
    {
        await PassAsync(request).ConfigureAwait(false);
        return _error != Errno.None ? _error : operation(state);
    }

    internal async ValueTask<Reply<T>> RunAsync<TState, T>(RequestContext request, TState state, Func<TState, Reply<T>> operation)
        where T : struct
    {
        await PassAsync(request).ConfigureAwait(false);
        return _error != Errno.None ? _error : operation(state);
    }

    Task PassAsync(RequestContext request)
    {
        if (_exception is not null)
            throw _exception();
        TaskCompletionSource source;
        lock (_lock)
        {
            if (_open)
            {
                _arrived.Release();
                return Task.CompletedTask;
            }
            source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _held.Enqueue(source);
        }
        if (!_ignoresCancellation)
            request.Cancellation.Register(() => source.TrySetCanceled(CancellationToken.None));
        _arrived.Release();
        return source.Task;
    }
}
