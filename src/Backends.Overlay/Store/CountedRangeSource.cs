using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>Counts the ranges that are asked of a source, and their bytes as they come.</summary>
sealed class CountedRangeSource(IRangeSource source, SourceCounters counters) : IRangeSource
{
    public string Name => source.Name;

    public long Size => source.Size;

    public SourceIdentity Identity => source.Identity;

    public bool IgnoresRanges => source.IgnoresRanges;

    public ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken cancellation) =>
        CountAsync(source.OpenAsync(offset, length, cancellation));

    public ValueTask<Stream> OpenAsync(long offset, long length, RequestPriority priority, CancellationToken cancellation) =>
        CountAsync(source.OpenAsync(offset, length, priority, cancellation));

    public ValueTask DisposeAsync() => source.DisposeAsync();

    async ValueTask<Stream> CountAsync(ValueTask<Stream> opening)
    {
        counters.Requested();
        return new Counting(await opening.ConfigureAwait(false), counters);
    }

    sealed class Counting(Stream stream, SourceCounters counters) : RangeStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            counters.Received(read);
            return read;
        }

        public override async ValueTask DisposeAsync()
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            await base.DisposeAsync().ConfigureAwait(false);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) stream.Dispose();
            base.Dispose(disposing);
        }
    }
}
