using Microsoft.Extensions.Logging;
using VirtioFsStore.Daemon.Logging;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Logging;

/// <summary>RUST_LOG as env_logger reads it.</summary>
public sealed class RustLogTests
{
    [Theory]
    [InlineData("ERROR", LogLevel.Error)]
    [InlineData("debug", LogLevel.Debug)]
    [InlineData("off", LogLevel.None)]
    [InlineData("warn,hyper=trace", LogLevel.Warning)]
    [InlineData("hyper=trace, warn", LogLevel.Warning)]
    [InlineData("error,virtiofsd=debug", LogLevel.Debug)]
    [InlineData("virtiofsd=debug,error", LogLevel.Debug)]
    [InlineData("virtiofs=info,virtiofsd=trace", LogLevel.Trace)]
    [InlineData("virtiofs_store=warn", LogLevel.Warning)]
    [InlineData("virtiofsd", LogLevel.Trace)]
    [InlineData("info/some.*thing", LogLevel.Information)]
    [InlineData("error,info", LogLevel.Information)]
    public void What_concerns_this_program_counts(string text, LogLevel level) => Assert.Equal(level, RustLog.Parse(text));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("kata_shim=debug")]
    [InlineData("virtiofsd=loud")]
    [InlineData("virtiofsd::passthrough=trace")]
    public void What_does_not_concern_this_program_says_nothing(string? text) => Assert.Null(RustLog.Parse(text));
}
