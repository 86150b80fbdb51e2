using System.Text.Json.Serialization;

namespace VirtioFsStore.Daemon.Api;

/// <summary>What can be changed of a running daemon (nydus-api-v1.yaml, DaemonConf).</summary>
sealed record DaemonConfigurationDocument
{
    [JsonRequired]
    [JsonPropertyName("log_level")]
    public string LogLevel { get; init; } = "";
}
