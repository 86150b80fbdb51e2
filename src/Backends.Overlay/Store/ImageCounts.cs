namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>What an image has cost so far, and what the store has of it. Plain values: they may come from another process.</summary>
/// <param name="Size">Of its layers, compressed, in bytes.</param>
/// <param name="Requests">Ranges and documents that were asked of its source; one that was asked for again after a failure counts once.</param>
/// <param name="BytesFetched">From its source, compressed.</param>
/// <param name="Pieces">Of its layers.</param>
/// <param name="PiecesPresent">Of them.</param>
/// <param name="Misses">Times that a piece was asked for that was not there.</param>
/// <param name="VerifyFailures">Times that something came, or lay in the cache, that was not the image's.</param>
/// <param name="FetchFailures">Times that a wait for a piece ended with an error.</param>
/// <param name="PiecesEvicted">Dropped to make room.</param>
/// <param name="Hosts">What the keeper has to do with, for all images together.</param>
public sealed record ImageCounts(
    long Size, long Requests, long BytesFetched, long Pieces, long PiecesPresent, long Misses, long VerifyFailures, long FetchFailures, long PiecesEvicted,
    IReadOnlyList<HostCounts> Hosts);
