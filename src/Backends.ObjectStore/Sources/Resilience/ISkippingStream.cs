namespace VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

/// <summary>A stream whose beginning nobody wants: the source sent more than it was asked for. Reading skips it too, but who bounds each read's
/// time wants to see that something comes.</summary>
interface ISkippingStream
{
    bool IsSkipping { get; }

    /// <summary>Reads some of what is skipped.</summary>
    /// <returns>Bytes; 0 where the stream ended before its time.</returns>
    /// <exception cref="SourceException">The source cannot be read.</exception>
    ValueTask<int> SkipAsync(CancellationToken cancellation);
}
