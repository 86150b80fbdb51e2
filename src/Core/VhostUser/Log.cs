using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Core.VhostUser;

static partial class Log
{
    /// <summary>These words are an interface: Kata's runtime waits for them on stderr.</summary>
    [LoggerMessage(Level = LogLevel.Information, Message = "Waiting for vhost-user socket connection on {Socket}...")]
    public static partial void Waiting(ILogger logger, string socket);

    [LoggerMessage(Level = LogLevel.Information, Message = "A VMM has connected")]
    public static partial void Connected(ILogger logger);

    [LoggerMessage(Level = LogLevel.Information, Message = "The VMM has disconnected")]
    public static partial void Disconnected(ILogger logger);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The VMM has disconnected in the middle of a message")]
    public static partial void CutOff(ILogger logger);

    [LoggerMessage(Level = LogLevel.Information, Message = "Stopping: requests in flight are finished first")]
    public static partial void Stopping(ILogger logger);

    [LoggerMessage(Level = LogLevel.Trace, Message = "{Request}: {Size} bytes, {Descriptors} descriptors")]
    public static partial void Received(ILogger logger, FrontendRequest request, int size, int descriptors);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Request} of the VMM is refused: {Reason}")]
    public static partial void RequestRefused(ILogger logger, FrontendRequest request, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "The connection is closed, because of the VMM's {Request}: {Reason}")]
    public static partial void ConnectionRejected(ILogger logger, FrontendRequest request, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "The connection is closed, because of an error of this program in {Request}")]
    public static partial void ConnectionFailed(ILogger logger, FrontendRequest request, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A connection could not be accepted: {Reason}")]
    public static partial void AcceptFailed(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "The VMM did not do {Request}: {Reason}. Nothing more is mapped for its guest until it connects anew")]
    public static partial void WindowLost(ILogger logger, string request, string reason);
}
