using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Daemon.Logging;

/// <summary>
/// The variable by which callers of virtiofsd choose what it logs (env_logger's syntax): directives LEVEL or TARGET[=LEVEL], separated by
/// commas. Of those that are about this program the one with the longest target counts.
/// </summary>
static class RustLog
{
    public const string Variable = "RUST_LOG";

    /// <summary>What callers take this program for, and what it is. A directive for the beginning of a target is for the target.</summary>
    static readonly string[] s_targets = ["virtiofsd", "virtiofs_store", "virtiofs-store"];

    /// <summary>The level; null where nothing is said that is about this program.</summary>
    public static LogLevel? Parse(string? text)
    {
        LogLevel? level = null;
        var specific = -1;
        // A regular expression that messages must match may follow a slash.
        foreach (var directive in (text ?? "").Split('/')[0].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var at = directive.IndexOf('=', StringComparison.Ordinal);
            var (target, word) = at >= 0
                ? (directive[..at].Trim(), directive[(at + 1)..].Trim())
                : LogLevels.Parse(directive) is null ? (directive, "trace") : ("", directive);
            if (LogLevels.Parse(word) is not { } said || target.Length < specific || !IsOurs(target))
                continue;
            (level, specific) = (said, target.Length);
        }
        return level;
    }

    static bool IsOurs(string target) => Array.Exists(s_targets, ours => ours.StartsWith(target, StringComparison.Ordinal));
}
