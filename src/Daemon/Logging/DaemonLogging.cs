using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Logging;

/// <summary>The log goes to stderr, one line an event, or to the system's log; stdout is for what commands print.</summary>
static class DaemonLogging
{
    /// <param name="level">The least that is logged.</param>
    /// <param name="syslog">The system's log, which is taken over; null: stderr.</param>
    public static ILoggerFactory Create(LogLevel level, SyslogSocket? syslog = null) => Create(new LogLevelSwitch(level), syslog);

    /// <inheritdoc cref="Create(LogLevel, SyslogSocket?)"/>
    public static ILoggerFactory Create(LogLevelSwitch level, SyslogSocket? syslog = null) => LoggerFactory.Create(builder =>
    {
        builder.SetMinimumLevel(LogLevel.Trace);
        builder.AddFilter(one => one >= level.Least);
        if (syslog is not null)
        {
            builder.AddProvider(new SyslogProvider(syslog));
            return;
        }
        builder.AddConsole(options =>
        {
            options.FormatterName = LineFormatter.FormatterName;
            options.LogToStandardErrorThreshold = LogLevel.Trace;
        });
        builder.Services.AddSingleton<ConsoleFormatter, LineFormatter>();
    });

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
