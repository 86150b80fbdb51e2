using System.Text.Json.Serialization;
using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Mounts;

namespace VirtioFsStore.Daemon.Api;

/// <summary>What was asked of a mount (nydus-api-v1.yaml, RafsMetrics). Times are not measured, single files not counted.</summary>
sealed record MetricsDocument
{
    /// <summary>The operations that the API counts, in its order.</summary>
    static readonly Opcode[] s_operations =
    [
        Opcode.FUSE_GETATTR, Opcode.FUSE_READLINK, Opcode.FUSE_OPEN, Opcode.FUSE_RELEASE, Opcode.FUSE_READ, Opcode.FUSE_STATFS, Opcode.FUSE_GETXATTR,
        Opcode.FUSE_LISTXATTR, Opcode.FUSE_OPENDIR, Opcode.FUSE_LOOKUP, Opcode.FUSE_READDIR, Opcode.FUSE_READDIRPLUS, Opcode.FUSE_ACCESS,
        Opcode.FUSE_FORGET, Opcode.FUSE_BATCH_FORGET,
    ];

    [JsonPropertyName("files_account_enabled")]
    public bool CountsFiles { get; init; }

    [JsonPropertyName("access_pattern_enabled")]
    public bool RecordsPatterns { get; init; }

    [JsonPropertyName("record_latest_read_files_enabled")]
    public bool RecordsLatest { get; init; }

    [JsonPropertyName("measure_latency")]
    public bool MeasuresLatency { get; init; }

    /// <summary>The mount point.</summary>
    [JsonPropertyName("id")]
    public required string Id { get; init; }

    [JsonPropertyName("nr_opens")]
    public required long OpenFiles { get; init; }

    /// <summary>Bytes.</summary>
    [JsonPropertyName("data_read")]
    public required ulong BytesRead { get; init; }

    /// <summary>See <see cref="MountStatistics.ReadSizes"/>.</summary>
    [JsonPropertyName("block_count_read")]
    public required IReadOnlyList<ulong> ReadSizes { get; init; }

    /// <summary>Operations that succeeded, by <see cref="s_operations"/>.</summary>
    [JsonPropertyName("fop_hits")]
    public required ulong[] Hits { get; init; }

    [JsonPropertyName("fop_errors")]
    public required ulong[] Errors { get; init; }

    [JsonPropertyName("fop_cumulative_latency_total")]
    public ulong[] Latencies { get; } = new ulong[s_operations.Length];

    [JsonPropertyName("read_latency_dist")]
    public ulong[] ReadLatencies { get; } = new ulong[8];

    public static MetricsDocument Of(string path, MountStatistics statistics) => new()
    {
        Id = path,
        OpenFiles = statistics.OpenHandles,
        BytesRead = statistics.BytesRead,
        ReadSizes = statistics.ReadSizes,
        // Counting goes on: an error may be there before its request.
        Hits = Array.ConvertAll(s_operations, operation => statistics.Requests[(int)operation] - Math.Min(statistics.Requests[(int)operation], statistics.Errors[(int)operation])),
        Errors = Array.ConvertAll(s_operations, operation => statistics.Errors[(int)operation]),
    };
}
