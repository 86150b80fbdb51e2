using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Logging;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Logging;

/// <summary>The system's log, played by a datagram socket.</summary>
public sealed partial class SyslogTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly byte[] _buffer = new byte[65536];
    Socket _log;

    public SyslogTests() => _log = Listen();

    string LogPath => _directory["log"];

    public void Dispose()
    {
        _log.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(LogLevel.Error, 11)]
    [InlineData(LogLevel.Warning, 12)]
    [InlineData(LogLevel.Information, 14)]
    [InlineData(LogLevel.Trace, 15)]
    public void A_message_is_a_datagram_of_rfc_3164(LogLevel level, int priority)
    {
        using var loggers = DaemonLogging.Create(LogLevel.Trace, SyslogSocket.Connect(LogPath));

        Say(loggers, level, "something happened");

        var match = MessagePattern().Match(Receive());
        Assert.True(match.Success);
        Assert.Equal(priority, int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture), match.Groups[2].Value);
        Assert.Equal("something happened", match.Groups[3].Value);
    }

    [Fact]
    public void Days_of_one_digit_are_padded_with_a_blank()
    {
        Assert.StartsWith("<14>Feb  3 04:05:06 ", SyslogLogger.Format(LogLevel.Information, new DateTime(2026, 2, 3, 4, 5, 6), "x"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_message_of_several_lines_forges_no_second_one()
    {
        using var loggers = DaemonLogging.Create(LogLevel.Information, SyslogSocket.Connect(LogPath));

        Say(loggers, LogLevel.Information, "one\n<0>two\u001b[31m");

        Assert.DoesNotContain(Receive(), char.IsControl);
    }

    [Fact]
    public void Levels_below_the_least_are_not_sent()
    {
        using var loggers = DaemonLogging.Create(LogLevel.Error, SyslogSocket.Connect(LogPath));

        Say(loggers, LogLevel.Information, "hidden");
        Say(loggers, LogLevel.Error, "shown");

        Assert.EndsWith("shown", Receive(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_log_that_was_started_anew_is_found()
    {
        using var syslog = SyslogSocket.Connect(LogPath);
        _log.Dispose();
        File.Delete(LogPath);
        syslog.Send("lost");
        _log = Listen();

        syslog.Send("found");

        Assert.Equal("found", Receive());
    }

    [Fact]
    public void A_log_that_is_stuck_holds_nothing_up()
    {
        using var syslog = SyslogSocket.Connect(LogPath);

        for (var i = 0; i < 100_000; i++)
            syslog.Send("nobody reads this");

        Assert.Equal("nobody reads this", Receive());
    }

    [Fact]
    public void Where_there_is_no_log_the_path_is_named() =>
        Assert.Contains("absent", Assert.Throws<SystemCallException>(() => SyslogSocket.Connect(_directory["absent"])).Message, StringComparison.Ordinal);

    static void Say(ILoggerFactory loggers, LogLevel level, string message) =>
        loggers.CreateLogger("any").Log(level, default, message, null, (text, _) => text);

    Socket Listen()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 20_000 };
        socket.Bind(new UnixDomainSocketEndPoint(LogPath));
        return socket;
    }

    string Receive() => Encoding.UTF8.GetString(_buffer, 0, _log.Receive(_buffer));

    [GeneratedRegex("^<([0-9]+)>[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} virtiofs-store\\[([0-9]+)\\]: (.*)$")]
    private static partial Regex MessagePattern();
}
