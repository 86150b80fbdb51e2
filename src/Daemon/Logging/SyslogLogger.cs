using System.Globalization;
using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Daemon.Logging;

/// <summary>Writes messages as the system's log takes them (RFC 3164): facility "user", <c>&lt;PRI&gt;Mmm dd hh:mm:ss virtiofs-store[PID]: message</c>.</summary>
sealed class SyslogLogger(SyslogSocket socket) : ILogger
{
    /// <summary>LOG_USER (sys/syslog.h).</summary>
    const int Facility = 1 << 3;

    /// <summary>Characters; what log daemons take in one datagram is 8 KiB and more.</summary>
    const int MaxLength = 2000;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
            return;
        var message = formatter(state, exception);
        socket.Send(Format(logLevel, DateTime.Now, exception is null ? message : $"{message}: {exception}"));
    }

    /// <summary>A message is one line, whatever it holds.</summary>
    internal static string Format(LogLevel level, DateTime time, string message)
    {
        var line = PlainText.Of(message.ReplaceLineEndings(" "));
        var day = time.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2);
        var stamp = time.ToString($"MMM '{day}' HH:mm:ss", CultureInfo.InvariantCulture);
        return $"<{Facility | Severity(level)}>{stamp} virtiofs-store[{Environment.ProcessId}]: {(line.Length > MaxLength ? line[..MaxLength] : line)}";
    }

    /// <summary>LOG_CRIT to LOG_DEBUG (sys/syslog.h).</summary>
    static int Severity(LogLevel level) => level switch
    {
        LogLevel.Critical => 2,
        LogLevel.Error => 3,
        LogLevel.Warning => 4,
        LogLevel.Information => 6,
        _ => 7,
    };
}
