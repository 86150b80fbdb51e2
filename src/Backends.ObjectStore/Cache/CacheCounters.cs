namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>What a layer's cache has done since it was opened. Hits are counted where they happen, in the servers. Thread-safe.</summary>
public sealed class CacheCounters
{
    long _misses;
    long _piecesFilled;
    long _bytesFilled;
    long _bytesFetched;
    long _requests;
    long _verifyFailures;
    long _refetches;
    long _fetchFailures;
    long _readaheadFailures;
    long _readThroughs;
    long _piecesEvicted;
    long _bytesEvicted;

    /// <summary>Of the moment; the numbers need not be of the very same one.</summary>
    public CacheCounts Read() => new(
        Interlocked.Read(ref _misses), Interlocked.Read(ref _piecesFilled), Interlocked.Read(ref _bytesFilled), Interlocked.Read(ref _bytesFetched),
        Interlocked.Read(ref _requests), Interlocked.Read(ref _verifyFailures), Interlocked.Read(ref _refetches), Interlocked.Read(ref _fetchFailures),
        Interlocked.Read(ref _readaheadFailures), Interlocked.Read(ref _readThroughs), Interlocked.Read(ref _piecesEvicted), Interlocked.Read(ref _bytesEvicted));

    internal void Missed() => Interlocked.Increment(ref _misses);

    internal void Filled(long bytes)
    {
        Interlocked.Increment(ref _piecesFilled);
        Interlocked.Add(ref _bytesFilled, bytes);
    }

    internal void Requested() => Interlocked.Increment(ref _requests);

    internal void Fetched(long bytes) => Interlocked.Add(ref _bytesFetched, bytes);

    internal void FailedVerification() => Interlocked.Increment(ref _verifyFailures);

    internal void Refetched() => Interlocked.Increment(ref _refetches);

    internal void FailedFetch(bool readahead) => Interlocked.Increment(ref readahead ? ref _readaheadFailures : ref _fetchFailures);

    internal void ReadThrough() => Interlocked.Increment(ref _readThroughs);

    internal void Evicted(long bytes)
    {
        Interlocked.Increment(ref _piecesEvicted);
        Interlocked.Add(ref _bytesEvicted, bytes);
    }
}
