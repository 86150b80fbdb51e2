using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

static partial class Log
{
    [LoggerMessage(Level = LogLevel.Error, Message = "{File} could not be synced: {Reason}. What the cache has of this layer is verified before it is used again; look at the disk")]
    public static partial void DataNotSynced(ILogger logger, string file, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "The state file beside {File} could not be synced: {Reason}; look at the disk")]
    public static partial void StateNotSynced(ILogger logger, string file, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File} or the state file beside it was written by someone else, or by a keeper that did not end well; each piece is verified before it is used again")]
    public static partial void Changed(ILogger logger, string file);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File}: piece {Piece} ({Length} bytes at {Offset}) has other bytes than were written; it is dropped, and fetched again when it is asked for")]
    public static partial void Damaged(ILogger logger, string file, long piece, long offset, long length);
}
