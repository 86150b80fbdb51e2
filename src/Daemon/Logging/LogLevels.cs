using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Daemon.Logging;

/// <summary>Levels of the log by the words for them.</summary>
static class LogLevels
{
    public static string[] Words { get; } = ["trace", "debug", "info", "warn", "error", "off"];

    /// <summary>Null for a word that is none. Upper or lower case.</summary>
    public static LogLevel? Parse(string word) => word.ToLowerInvariant() switch
    {
        "trace" => LogLevel.Trace,
        "debug" => LogLevel.Debug,
        "info" => LogLevel.Information,
        "warn" => LogLevel.Warning,
        "error" => LogLevel.Error,
        "off" => LogLevel.None,
        _ => null,
    };
}
