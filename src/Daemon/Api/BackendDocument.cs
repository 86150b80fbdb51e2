using System.Text.Json;
using System.Text.Json.Serialization;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Api;

/// <summary>Something that is mounted.</summary>
/// <param name="BackendType">"PassthroughFs" or "Rafs", in nydusd's words.</param>
/// <param name="MountPoint">Where.</param>
/// <param name="MountedTime">When, e.g. "2026-11-28 20:15:02.123456 +00:00:00".</param>
/// <param name="Source">What; nydusd does not tell.</param>
/// <param name="Configuration">A RAFS configuration, which nothing here has: null.</param>
sealed record BackendDocument(
    [property: JsonPropertyName("backend_type")] string BackendType,
    [property: JsonPropertyName("mountpoint")] string MountPoint,
    [property: JsonPropertyName("mounted_time")] string MountedTime,
    [property: JsonPropertyName("source")] string Source,
    [property: JsonPropertyName("config")] JsonElement? Configuration)
{
    public static BackendDocument Of(MountInfo info) => new(
        info.Kind == SourceKind.Image ? "Rafs" : "PassthroughFs",
        info.Path,
        info.MountedAt.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.ffffff '+00:00:00'", System.Globalization.CultureInfo.InvariantCulture),
        info.Source,
        null);
}
