using VirtioFsStore.Core.Fuse;

namespace VirtioFsStore.Driver.Hosting;

/// <summary>What a test chooses of a server in this process.</summary>
public sealed record ServerHostOptions
{
    public SessionOptions Session { get; init; } = new();

    public bool Relisten { get; init; }

    public string? Tag { get; init; }

    public int RequestQueues { get; init; } = 1;

    public int MaxRequestQueues { get; init; } = 64;

    public TimeSpan DrainLimit { get; init; } = TimeSpan.FromSeconds(30);
}
