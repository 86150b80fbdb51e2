using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>A source that several fetches use. Its owner counts them.</summary>
sealed class SharedSource : IAsyncDisposable
{
    public SharedSource(int generation, Func<CancellationToken, ValueTask<IRangeSource>> open, long size, CancellationToken cancellation)
    {
        Generation = generation;
        // Elsewhere: whoever opens may block, and the caller holds a lock.
        Opened = Task.Run(() => OpenAsync(open, size, cancellation), cancellation);
    }

    /// <summary>How often the slot had been given another source before.</summary>
    public int Generation { get; }

    public Task<IRangeSource> Opened { get; }

    /// <summary>Under the slot's lock.</summary>
    public int Users { get; set; }

    public async ValueTask DisposeAsync()
    {
        await ((Task)Opened).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (Opened.IsCompletedSuccessfully) await Opened.Result.DisposeAsync().ConfigureAwait(false);
    }

    static async Task<IRangeSource> OpenAsync(Func<CancellationToken, ValueTask<IRangeSource>> open, long size, CancellationToken cancellation)
    {
        var source = await open(cancellation).ConfigureAwait(false);
        if (source.Size == size) return source;
        await source.DisposeAsync().ConfigureAwait(false);
        throw new SourceException(SourceFailure.Changed, $"{source.Name} has {source.Size} bytes, and the layer was indexed with {size}: it is another blob, or cut");
    }
}
