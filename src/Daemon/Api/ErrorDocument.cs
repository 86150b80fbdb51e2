using System.Text.Json.Serialization;

namespace VirtioFsStore.Daemon.Api;

/// <summary>The body of an answer that says no (nydus-api-v1.yaml, ErrorMsg).</summary>
sealed record ErrorDocument(
    [property: JsonPropertyName("code")] string Code,
    [property: JsonPropertyName("message")] string Message);
