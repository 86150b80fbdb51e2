using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VirtioFsStore.Daemon.Api;

/// <summary>How the API's documents are read and written, made at build time: nothing of it needs reflection.</summary>
[JsonSerializable(typeof(DaemonDocument))]
[JsonSerializable(typeof(DaemonConfigurationDocument))]
[JsonSerializable(typeof(ErrorDocument))]
[JsonSerializable(typeof(MetricsDocument))]
[JsonSerializable(typeof(BackendMetricsDocument))]
[JsonSerializable(typeof(CacheMetricsDocument))]
[JsonSerializable(typeof(MountCommandDocument))]
sealed partial class ApiJson : JsonSerializerContext
{
    /// <summary>Quotes and the like as themselves: what is answered is JSON and never part of a page.</summary>
    public static ApiJson Plain { get; } = new(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower });
}
