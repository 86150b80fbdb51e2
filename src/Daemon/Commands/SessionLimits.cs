using System.CommandLine;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Daemon.Logging;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>The options of every command that runs a session.</summary>
static class SessionLimits
{
    static readonly Option<string> s_ioTimeout = new("--io-timeout") { Description = "How long a request may wait for something, e.g. 30s or 5m.", DefaultValueFactory = _ => "60s", HelpName = "TIME" };
    static readonly Option<string> s_logLevel = Choices.Create("--log-level", "What to log.", "info", LogLevels.Words);

    static readonly Option<bool> s_statistics = new("--stats") { Description = "Log at the end what images have cost, bytes and requests for each image and each host, and what a guest had mapped into its window. SIGUSR1 logs it at any time." };

    public static void AddTo(Command command)
    {
        command.Add(s_ioTimeout);
        command.Add(s_statistics);
        AddLogLevelTo(command);
    }

    public static void AddLogLevelTo(Command command) => command.Add(s_logLevel);

    public static TimeSpan IoTimeout(ParseResult parsed) => Duration.Parse("--io-timeout", parsed.GetValue(s_ioTimeout)!);

    public static bool Statistics(ParseResult parsed) => parsed.GetValue(s_statistics);

    public static LogLevel LogLevel(ParseResult parsed) => LogLevels.Parse(parsed.GetValue(s_logLevel)!) ?? Microsoft.Extensions.Logging.LogLevel.Information;
}
