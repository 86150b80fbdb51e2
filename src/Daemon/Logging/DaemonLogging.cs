using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Logging;

/// <summary>The log goes to stderr, one line an event, or to the system's log; stdout is for what commands print.</summary>
static class DaemonLogging
{
    const int StandardError = 2;

    /// <param name="level">The least that is logged.</param>
    /// <param name="syslog">The system's log, which is taken over; null: stderr.</param>
    public static ILoggerFactory Create(LogLevel level, SyslogSocket? syslog = null) => Create(new LogLevelSwitch(level), syslog);

    /// <inheritdoc cref="Create(LogLevel, SyslogSocket?)"/>
    public static ILoggerFactory Create(LogLevelSwitch level, SyslogSocket? syslog = null)
    {
        var options = new LoggerFilterOptions { MinLevel = LogLevel.Trace };
        options.Rules.Add(new LoggerFilterRule(providerName: null, categoryName: null, logLevel: null, (_, _, one) => one >= level.Least));
        return new LoggerFactory([syslog is null ? new LineLogger(new LineWriter(StandardError)) : new SyslogProvider(syslog)], options);
    }

    /// <summary>To the system's log; where there is none, to stderr with a warning, as virtiofsd does it.</summary>
    public static ILoggerFactory CreateForSyslog(LogLevelSwitch level)
    {
        try
        {
            return Create(level, SyslogSocket.Connect());
        }
        catch (SystemCallException exception)
        {
            var loggers = Create(level);
            Log.NoSyslog(loggers.CreateLogger("virtiofs-store"), exception.Message);
            return loggers;
        }
    }
}
