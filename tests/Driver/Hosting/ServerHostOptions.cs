using VirtioFsStore.Core.Fuse;
using VirtioFsStore.Core.VhostUser;

namespace VirtioFsStore.Driver.Hosting;

/// <summary>What a test chooses of a server in this process.</summary>
public sealed record ServerHostOptions
{
    public SessionOptions Session { get; init; } = new();

    public bool Relisten { get; init; }

    public string? Tag { get; init; }

    public int RequestQueues { get; init; } = 1;

    public int MaxRequestQueues { get; init; } = 64;

    /// <summary>Bytes of the DAX window; 0: none.</summary>
    public ulong DaxWindow { get; init; }

    public WindowDialect DaxDialect { get; init; }

    public TimeSpan DaxReplyLimit { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan DrainLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Longer than any test waits for a request.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(20);
}
