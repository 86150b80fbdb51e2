using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Core.Dax;

static partial class Log
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "The VMM refused to {What} {Length} bytes at {WindowOffset} of its window; its guest gets an error. Further refusals are not told")]
    public static partial void Refused(ILogger logger, string what, ulong length, ulong windowOffset);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A guest was refused (EOPNOTSUPP) to make a file grow that it has mapped: it would end within a page, or grew too often, which the VMM could not map (QEMU up to 11.1). Mount a directory whose files grow without dax=always. Further refusals are not told")]
    public static partial void MayNotGrow(ILogger logger);

    [LoggerMessage(Level = LogLevel.Information, Message = "The VMM maps only what is open for writing (QEMU up to 11.1): read-only directories are not mapped, and what guests map of images is copied into memory of each guest unless the images can be lent")]
    public static partial void OnlyWritable(ILogger logger);

    [LoggerMessage(Level = LogLevel.Information, Message = "What this guest maps of {Mount} {Where}it shares with others: the image's content is lent, immutable (chattr +i), until its VMM has ended")]
    public static partial void Lent(ILogger logger, string mount, string where);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A guest that mounts with dax=always cannot read a file of {Mount} that cannot be mapped: one that ends within a page, or, where the VMM maps only what is open for writing (QEMU up to 11.1), is read-only. Mount without dax=always. Further ones are not told")]
    public static partial void CannotBeRead(ILogger logger, string mount);

    [LoggerMessage(Level = LogLevel.Warning, Message = "An image could not be lent")]
    public static partial void LendingFailed(ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "What this guest maps of {Mount} is copied into memory of its own, for the image cannot be lent: {Reason}")]
    public static partial void NotLent(ILogger logger, string mount, string reason);
}
