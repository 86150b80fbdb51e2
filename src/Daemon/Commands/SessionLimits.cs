using System.CommandLine;
using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>The options of every command that runs a session.</summary>
static class SessionLimits
{
    static readonly Option<string> s_ioTimeout = new("--io-timeout") { Description = "How long a request may wait for something, e.g. 30s or 5m.", DefaultValueFactory = _ => "60s", HelpName = "TIME" };
    static readonly Option<string> s_logLevel = Choices.Create("--log-level", "What to log on stderr.", "info", "trace", "debug", "info", "warn", "error", "off");

    public static void AddTo(Command command)
    {
        command.Add(s_ioTimeout);
        command.Add(s_logLevel);
    }

    public static TimeSpan IoTimeout(ParseResult parsed) => Duration.Parse("--io-timeout", parsed.GetValue(s_ioTimeout)!);

    public static LogLevel LogLevel(ParseResult parsed) => parsed.GetValue(s_logLevel) switch
    {
        "trace" => Microsoft.Extensions.Logging.LogLevel.Trace,
        "debug" => Microsoft.Extensions.Logging.LogLevel.Debug,
        "warn" => Microsoft.Extensions.Logging.LogLevel.Warning,
        "error" => Microsoft.Extensions.Logging.LogLevel.Error,
        "off" => Microsoft.Extensions.Logging.LogLevel.None,
        _ => Microsoft.Extensions.Logging.LogLevel.Information,
    };
}
