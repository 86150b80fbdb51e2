using System.Text.Json.Serialization;

namespace VirtioFsStore.Daemon.Api;

/// <summary>What the daemon is and does (nydus-api-v1.yaml, DaemonInfo).</summary>
/// <param name="Version">What program it is.</param>
/// <param name="Id">As its caller calls it.</param>
/// <param name="Supervisor">As its caller said.</param>
/// <param name="State">A <see cref="DaemonState"/>.</param>
/// <param name="Backends">What is mounted, by mount point; null in version 2 of the API.</param>
sealed record DaemonDocument(
    [property: JsonPropertyName("version")] BuildDocument Version,
    [property: JsonPropertyName("id")] string? Id,
    [property: JsonPropertyName("supervisor")] string? Supervisor,
    [property: JsonPropertyName("state")] string State,
    [property: JsonPropertyName("backend_collection")] IReadOnlyDictionary<string, BackendDocument>? Backends);
