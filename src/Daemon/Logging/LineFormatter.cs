using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace VirtioFsStore.Daemon.Logging;

/// <summary>One event a line: <c>[2026-11-23T10:15:02.123Z INFO] message</c>, with an exception's text after it.</summary>
sealed class LineFormatter() : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "line";

    /// <summary>A line of the same form, for those who add to a log without a logger.</summary>
    public static string Format(LogLevel level, string message) => $"{Start(level)}{message}{Environment.NewLine}";

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

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        textWriter.Write(Start(logEntry.LogLevel));
        textWriter.Write(logEntry.Formatter(logEntry.State, logEntry.Exception));
        if (logEntry.Exception is { } exception)
        {
            textWriter.Write(": ");
            textWriter.Write(exception.ToString());
        }
        textWriter.WriteLine();
    }

    static string Start(LogLevel level) => $"[{DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)}{Word(level)}] ";

    static string Word(LogLevel level) => level switch
    {
        LogLevel.Trace => " TRACE",
        LogLevel.Debug => " DEBUG",
        LogLevel.Information => " INFO",
        LogLevel.Warning => " WARN",
        _ => " ERROR",
    };
}
