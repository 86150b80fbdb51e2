using System.Text.Json.Serialization;
using VirtioFsStore.Backends.Overlay.Store;

namespace VirtioFsStore.Daemon.Api;

/// <summary>What an image was asked of its source (nydus-api-v1.yaml, BackendMetrics). Times are not measured.</summary>
/// <param name="Id">The mount point.</param>
/// <param name="Type">"oci", "registry" or "s3".</param>
/// <param name="Reads">Ranges and documents that were asked for.</param>
/// <param name="Errors">Reads of the guest that failed because of the source.</param>
/// <param name="Bytes">That came.</param>
/// <param name="Hosts">What the keeper asked of each host, for all images; nydusd does not tell.</param>
sealed record BackendMetricsDocument(
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("backend_type")] string Type,
    [property: JsonPropertyName("read_count")] long Reads,
    [property: JsonPropertyName("read_errors")] long Errors,
    [property: JsonPropertyName("read_amount_total")] long Bytes,
    [property: JsonPropertyName("hosts")] IReadOnlyList<HostCounts> Hosts);
