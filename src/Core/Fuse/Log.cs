using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.Fuse;

static partial class Log
{
    [LoggerMessage(100, LogLevel.Error, "{Opcode} on node {NodeId:x} failed inside the daemon; the guest was answered EIO")]
    public static partial void RequestFailed(ILogger logger, Exception exception, Opcode opcode, ulong nodeId);

    [LoggerMessage(101, LogLevel.Error, "The guest speaks FUSE {Major}.{Minor}; this daemon needs {OurMajor}.{OldestMinor} (Linux 5.4) or newer. The mount was refused")]
    public static partial void GuestTooOld(ILogger logger, uint major, uint minor, uint ourMajor, uint oldestMinor);

    [LoggerMessage(102, LogLevel.Debug, "Session started: the guest speaks FUSE {Major}.{Minor}; agreed on {Flags}")]
    public static partial void SessionStarted(ILogger logger, uint major, uint minor, InitFlags flags);

    [LoggerMessage(104, LogLevel.Error, "The guest does not offer {Missing}, which this daemon was told to insist on. The mount was refused; with =auto it is served without")]
    public static partial void FeatureNotOffered(ILogger logger, InitFlags missing);

    [LoggerMessage(105, LogLevel.Warning, "The VMM lends a window and could not be asked to map anything ({Error}): files are read, not mapped")]
    public static partial void WindowUnusable(ILogger logger, Errno error);

    [LoggerMessage(103, LogLevel.Information, "The guest goes on with a session that another daemon served")]
    public static partial void SessionResumed(ILogger logger);
}
