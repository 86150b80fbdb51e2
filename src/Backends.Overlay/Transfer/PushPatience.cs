using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Transfer;

/// <summary>What a push has of it, for one blob or manifest, with hosts that ask for more (Retry-After) than a request's time allows.</summary>
/// <param name="item">The blob or manifest.</param>
/// <param name="progress">Is told how long it waits.</param>
/// <param name="clock">Whose time is waited.</param>
sealed class PushPatience(Descriptor item, IProgress<BlobProgress>? progress, TimeProvider clock)
{
    /// <summary>Without anything being sent. Hosts that bound the rate of requests ask for a minute or a few; whoever asks for hours leaves it to the person.</summary>
    static readonly TimeSpan s_longest = TimeSpan.FromMinutes(10);

    readonly Lock _lock = new();

    /// <summary>When it was asked for first since something was sent; null where it was not.</summary>
    long? _since;

    long _most;
    long? _found;

    /// <summary>Bytes that were there before the first try.</summary>
    public long Found
    {
        get
        {
            lock (_lock) return _found ?? 0;
        }
    }

    public bool WasAsked { get; private set; }

    /// <summary>So many bytes are there, which may be fewer than before: only more than ever counts. From any thread.</summary>
    public void Sent(long bytes)
    {
        lock (_lock)
        {
            _found ??= bytes;
            if (bytes > _most) (_most, _since) = (bytes, null);
        }
    }

    /// <summary>Waits for as long as a failure asks for.</summary>
    /// <returns>False where it asks for nothing.</returns>
    /// <exception cref="SourceException">It asks for more than there is: the failure, and what was waited.</exception>
    public async ValueTask<bool> WaitAsync(SourceException failure, CancellationToken cancellation)
    {
        if (failure.RetryAfter is not { } asked || asked <= TimeSpan.Zero || failure.Failure is not (SourceFailure.Busy or SourceFailure.Transient)) return false;
        TimeSpan waited;
        long most;
        lock (_lock)
        {
            _since ??= clock.GetTimestamp();
            (waited, most) = (clock.GetElapsedTime(_since.Value), _most);
        }

        if (waited + asked > s_longest)
        {
            throw new SourceException(
                failure.Failure, $"{failure.Message}; it asks to be left alone for {Math.Ceiling(asked.TotalSeconds)} s after {Math.Floor(waited.TotalSeconds)} s of waiting, and {s_longest.TotalMinutes} min are waited at most: push again later",
                failure, asked);
        }

        WasAsked = true;
        progress?.Report(new BlobProgress(item, BlobState.Held, most, asked));
        await Task.Delay(asked, clock, cancellation).ConfigureAwait(false);
        return true;
    }
}
