using System.Globalization;
using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Daemon.Logging;

/// <summary>One event a line: <c>[2026-11-23T10:15:02.123Z INFO] message</c>, with an exception's text after it.</summary>
static class LogLine
{
    public static string Format(LogLevel level, string message, Exception? exception = null)
    {
        var time = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        return exception is null ? $"[{time}{Word(level)}] {message}\n" : $"[{time}{Word(level)}] {message}: {exception}\n";
    }

    /// <summary>The level and the message of a line of this form; of any other, itself as an error, as which only the runtime's last words come.</summary>
    public static (LogLevel Level, string Message) Parse(string line)
    {
        var end = line.IndexOf("] ", StringComparison.Ordinal);
        if (line.StartsWith('[') && end > 0)
        {
            foreach (var level in (LogLevel[])[LogLevel.Trace, LogLevel.Debug, LogLevel.Information, LogLevel.Warning, LogLevel.Error])
            {
                if (line.AsSpan(0, end).EndsWith(Word(level), StringComparison.Ordinal))
                    return (level, line[(end + 2)..]);
            }
        }
        return (LogLevel.Error, line);
    }

    static string Word(LogLevel level) => level switch
    {
        LogLevel.Trace => " TRACE",
        LogLevel.Debug => " DEBUG",
        LogLevel.Information => " INFO",
        LogLevel.Warning => " WARN",
        _ => " ERROR",
    };
}
