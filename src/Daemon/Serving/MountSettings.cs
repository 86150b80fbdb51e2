using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.DevFuse;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>What <c>mount</c> was told, checked.</summary>
sealed record MountSettings
{
    public required string Source { get; init; }

    public required DevFuseOptions Device { get; init; }

    public TimeSpan IoTimeout { get; init; }

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    public SourceSettings Sources { get; init; } = new();
}
