using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Backends.ObjectStore.Fetching;

static partial class Log
{
    [LoggerMessage(Level = LogLevel.Error, Message = "Content of {File} could not be fetched: {Reason}. While that goes on, it is said once a minute")]
    public static partial void FetchFailed(ILogger logger, string file, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Content of {File} could not be fetched or stored: {Reason}")]
    public static partial void FetchBroke(ILogger logger, string file, string reason, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "Reading ahead for {File} has failed; nobody waits for it: {Reason}")]
    public static partial void ReadaheadFailed(ILogger logger, string file, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "What came for {File} does not decompress, and is dropped: {Reason}")]
    public static partial void Damaged(ILogger logger, string file, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Of what came for {File}, {Count} pieces had other bytes than the layer's index says; they are dropped")]
    public static partial void Mismatches(ILogger logger, string file, int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The disk of {File} is full, and evicting from the cache does not make enough room; what was to be stored there is dropped, and what is read of it comes by memory. While that goes on, it is said once a minute")]
    public static partial void DiskFull(ILogger logger, string file);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Of {File}, something of the pieces {First} to {Last} was found damaged while a guest has it mapped, and is not written before the guest lets go of it; reading it fails until then")]
    public static partial void Pinned(ILogger logger, string file, long first, long last);

    [LoggerMessage(Level = LogLevel.Error, Message = "What is absent of {File} cannot be told: {Reason}")]
    public static partial void PlanFailed(ILogger logger, string file, string reason);
}
