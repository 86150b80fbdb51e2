using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Fuse;

namespace VirtioFsStore.Daemon;

static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "{Path} serves {Source}")]
    public static partial void Serving(ILogger logger, string path, string source);

    [LoggerMessage(2, LogLevel.Information, "Got {Signal}: finishing what is in flight")]
    public static partial void Stopping(ILogger logger, string signal);

    [LoggerMessage(3, LogLevel.Information, "requests: {Statistics}")]
    public static partial void Requests(ILogger logger, RequestStatistics statistics);

    [LoggerMessage(4, LogLevel.Information, "layer {Layer}: indexing, {Percent}% of {Size} bytes read")]
    public static partial void LayerProgress(ILogger logger, string layer, int percent, long size);

    [LoggerMessage(5, LogLevel.Information, "layer {Layer}: indexed, {Size} bytes in {Seconds:0.00} s")]
    public static partial void LayerIndexed(ILogger logger, string layer, long size, double seconds);

    [LoggerMessage(6, LogLevel.Information, "Mounting {Source} on {MountPoint}, pid {Pid}")]
    public static partial void Mounting(ILogger logger, string source, string mountPoint, int pid);

    [LoggerMessage(7, LogLevel.Warning, "Whoever asked for this mount has gone: unmounting")]
    public static partial void Abandoned(ILogger logger);

    [LoggerMessage(8, LogLevel.Warning, "No record of this mount can be left for 'virtiofs-store umount': {Reason}")]
    public static partial void NoRecord(ILogger logger, string reason);

    [LoggerMessage(9, LogLevel.Warning, "--syslog: the system's log does not take messages, so they come here: {Reason}")]
    public static partial void NoSyslog(ILogger logger, string reason);
}
