using System.Text.Json.Serialization;

namespace VirtioFsStore.Daemon.Api;

/// <summary>What the cache has of an image (nydus-api-v1.yaml, BlobcacheMetrics).</summary>
/// <param name="Id">The mount point.</param>
/// <param name="WholeHits">Reads that found all they wanted.</param>
/// <param name="Total">Reads.</param>
/// <param name="Entries">Pieces that are there.</param>
/// <param name="Pieces">All there are; nydusd does not tell.</param>
/// <param name="Misses">Times that a piece was not there.</param>
/// <param name="VerifyFailures">Times that something came, or was there, that was not the image's.</param>
/// <param name="Evicted">Pieces that were dropped to make room.</param>
sealed record CacheMetricsDocument(
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("whole_hits")] long WholeHits,
    [property: JsonPropertyName("total")] long Total,
    [property: JsonPropertyName("entries_count")] long Entries,
    [property: JsonPropertyName("pieces")] long Pieces,
    [property: JsonPropertyName("misses")] long Misses,
    [property: JsonPropertyName("verify_failures")] long VerifyFailures,
    [property: JsonPropertyName("evicted")] long Evicted);
