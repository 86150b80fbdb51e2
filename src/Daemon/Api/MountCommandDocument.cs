using System.Text.Json.Serialization;

namespace VirtioFsStore.Daemon.Api;

/// <summary>What is to be mounted (nydus-api-v1.yaml, MountCmd).</summary>
sealed record MountCommandDocument
{
    [JsonRequired]
    [JsonPropertyName("source")]
    public string Source { get; init; } = "";

    /// <summary>passthrough_fs, or rafs or oci.</summary>
    [JsonPropertyName("fs_type")]
    public string FileSystemType { get; init; } = "";

    /// <summary>A JSON object as text, or nothing.</summary>
    [JsonRequired]
    [JsonPropertyName("config")]
    public string Configuration { get; init; } = "";

    /// <summary>What an image's user will want first: checked, and no more, since an image's content is on this host when it is mounted.</summary>
    [JsonPropertyName("prefetch_files")]
    public IReadOnlyList<string>? PrefetchFiles { get; init; }
}
