using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.DevFuse;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.HostMounts;

/// <summary>What <c>mount</c> was told, checked.</summary>
sealed record MountSettings
{
    public required string Source { get; init; }

    public required DevFuseOptions Device { get; init; }

    /// <summary>Where a server in the background logs; null takes the default.</summary>
    public string? LogFile { get; init; }

    public TimeSpan IoTimeout { get; init; }

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>At the end the log says what the image has cost.</summary>
    public bool Statistics { get; init; }

    public SourceSettings Sources { get; init; } = new();
}
