namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>The values of <see cref="CacheCounters"/>.</summary>
/// <param name="Misses">Times that someone asked for pieces of which one at least was not there.</param>
/// <param name="PiecesFilled">Pieces that were verified and marked present.</param>
/// <param name="BytesFilled">Their bytes, uncompressed.</param>
/// <param name="BytesFetched">Bytes read from the source, compressed.</param>
/// <param name="Requests">Ranges asked of the source; it may try one several times.</param>
/// <param name="VerifyFailures">Pieces whose bytes had another digest, and streams that did not decompress.</param>
/// <param name="Refetches">Times that something was fetched once more because of that.</param>
/// <param name="FetchFailures">Fetches that ended with an error while someone waited.</param>
/// <param name="ReadaheadFailures">Those for which nobody waited.</param>
/// <param name="ReadThroughs">Ranges that were fetched past the cache, because the disk was full.</param>
/// <param name="PiecesEvicted">Pieces that were dropped to make room.</param>
/// <param name="BytesEvicted">Bytes of the disk that this gave back.</param>
public readonly record struct CacheCounts(
    long Misses, long PiecesFilled, long BytesFilled, long BytesFetched, long Requests, long VerifyFailures, long Refetches, long FetchFailures,
    long ReadaheadFailures, long ReadThroughs, long PiecesEvicted, long BytesEvicted);
