using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Core.DevFuse;

static partial class Log
{
    [LoggerMessage(200, LogLevel.Information, "Mounted on {MountPoint}")]
    public static partial void Mounted(ILogger logger, string mountPoint);

    [LoggerMessage(201, LogLevel.Error, "Reading requests from /dev/fuse failed: {Reason}. This thread serves no more")]
    public static partial void ReadFailed(ILogger logger, string reason);

    [LoggerMessage(202, LogLevel.Warning, "The kernel refused a reply of {Length} bytes: {Reason}")]
    public static partial void ReplyRefused(ILogger logger, int length, string reason);

    [LoggerMessage(203, LogLevel.Warning, "{MountPoint} is in use: it is detached, and ends when its last user has gone")]
    public static partial void Busy(ILogger logger, string mountPoint);

    [LoggerMessage(204, LogLevel.Error, "{MountPoint} cannot be unmounted: {Reason}")]
    public static partial void UnmountFailed(ILogger logger, string mountPoint, string reason);

    [LoggerMessage(205, LogLevel.Warning, "{Count} requests did not end within {Seconds} s after the unmount; what they hold is not given back")]
    public static partial void NotDrained(ILogger logger, int count, double seconds);

    [LoggerMessage(206, LogLevel.Warning, "{MountPoint} is covered by another mount, and not unmounted. Unmount that one, then this")]
    public static partial void Covered(ILogger logger, string mountPoint);
}
