using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace VirtioFsStore.Daemon.Logging;

/// <summary>One event a line: <c>[2026-11-23T10:15:02.123Z INFO] message</c>, with an exception's text after it.</summary>
sealed class LineFormatter() : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "line";

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        textWriter.Write('[');
        textWriter.Write(DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        textWriter.Write(Word(logEntry.LogLevel));
        textWriter.Write("] ");
        textWriter.Write(logEntry.Formatter(logEntry.State, logEntry.Exception));
        if (logEntry.Exception is { } exception)
        {
            textWriter.Write(": ");
            textWriter.Write(exception.ToString());
        }
        textWriter.WriteLine();
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
