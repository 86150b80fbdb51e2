using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>The source of a layer's blob: opened when it is first needed, shared by all fetches, and opened anew after it failed for good or
/// was replaced. Thread-safe.</summary>
sealed class SourceSlot(Func<CancellationToken, ValueTask<IRangeSource>> open) : IAsyncDisposable
{
    readonly Lock _lock = new();
    Func<CancellationToken, ValueTask<IRangeSource>> _open = open;
    SharedSource? _current;
    int _generation;

    /// <summary>The source, to be given back with <see cref="ReleaseAsync"/>.</summary>
    /// <param name="size">What the blob is known to have.</param>
    /// <param name="cancellation">Ends opening it, for all who wait for it.</param>
    /// <exception cref="SourceException">It cannot be opened, or has another size.</exception>
    public async ValueTask<SharedSource> AcquireAsync(long size, CancellationToken cancellation)
    {
        while (true)
        {
            SharedSource shared;
            lock (_lock)
            {
                shared = _current ??= new SharedSource(_generation, _open, size, cancellation);
                shared.Users++;
            }

            try
            {
                await shared.Opened.ConfigureAwait(false);
                return shared;
            }
            catch
            {
                await ReleaseAsync(shared, broken: true).ConfigureAwait(false);
                if (cancellation.IsCancellationRequested || !IsReplaced(shared)) throw;
            }
        }
    }

    /// <summary>Whether another source has come in the place of one since it was acquired: its owner may have closed it, so that what it fails with
    /// says nothing of the blob.</summary>
    public bool IsReplaced(SharedSource shared)
    {
        lock (_lock) return shared.Generation != _generation;
    }

    /// <param name="shared">What was acquired.</param>
    /// <param name="broken">Nobody else is to get it.</param>
    public ValueTask ReleaseAsync(SharedSource shared, bool broken)
    {
        lock (_lock)
        {
            if (broken && _current == shared) _current = null;
            if (--shared.Users > 0 || _current == shared) return ValueTask.CompletedTask;
        }

        return shared.DisposeAsync();
    }

    /// <summary>From the next fetch on, another source of the same bytes.</summary>
    public ValueTask ReplaceAsync(Func<CancellationToken, ValueTask<IRangeSource>> open)
    {
        SharedSource? old;
        lock (_lock)
        {
            _open = open;
            _generation++;
            old = _current;
            _current = null;
            if (old is null || old.Users > 0) return ValueTask.CompletedTask;
        }

        return old.DisposeAsync();
    }

    public ValueTask DisposeAsync() => ReplaceAsync(_open);
}
