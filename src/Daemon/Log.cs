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

    [LoggerMessage(20, LogLevel.Information, "this process is the keeper of the store {Store}")]
    public static partial void Keeper(ILogger logger, string store);

    [LoggerMessage(27, LogLevel.Information, "another process is the keeper of the store {Store}; waiting for it to let go or end")]
    public static partial void KeeperWaits(ILogger logger, string store);

    [LoggerMessage(28, LogLevel.Information, "another process listens in the store {Store} now: it becomes the keeper")]
    public static partial void KeeperResigns(ILogger logger, string store);

    [LoggerMessage(21, LogLevel.Warning, "the keeper of the store {Store} has ended; another one is looked for")]
    public static partial void KeeperLost(ILogger logger, string store);

    [LoggerMessage(22, LogLevel.Warning, "the keeper cannot take a connection: {Reason}")]
    public static partial void KeeperCannotAccept(ILogger logger, string reason);

    [LoggerMessage(23, LogLevel.Warning, "a connection to the keeper failed: {Reason}")]
    public static partial void KeeperConnectionFailed(ILogger logger, string reason);

    [LoggerMessage(24, LogLevel.Error, "the keeper failed at a request")]
    public static partial void KeeperFailed(ILogger logger, Exception exception);

    [LoggerMessage(31, LogLevel.Error, "fetching pieces failed")]
    public static partial void FetchFailed(ILogger logger, Exception exception);

    [LoggerMessage(32, LogLevel.Warning, "{Image} cannot be opened again by the store's keeper: {Reason}")]
    public static partial void ImageLost(ILogger logger, string image, string reason);

    [LoggerMessage(33, LogLevel.Information, "{Path} ({Source}): {Counts}")]
    public static partial void ImageCounts(ILogger logger, string path, string source, string counts);

    [LoggerMessage(34, LogLevel.Warning, "what {Path} has cost cannot be told: {Reason}")]
    public static partial void NoImageCounts(ILogger logger, string path, string reason);

    [LoggerMessage(35, LogLevel.Information, "host {Host}: {Requests} requests, {Bytes} bytes, {Retries} retries, {Failures} failures, {Ignored} ranges ignored")]
    public static partial void HostCounts(ILogger logger, string host, long requests, long bytes, long retries, long failures, long ignored);

    [LoggerMessage(36, LogLevel.Information, "window: {Mappings} mappings, {Parts} parts at the VMM (at most {MostParts} so far), {Mapped} bytes mapped, {Copied} of them copied for this guest; {CopiedInAll} bytes copied so far")]
    public static partial void WindowCounts(ILogger logger, int mappings, int parts, int mostParts, ulong mapped, ulong copied, ulong copiedInAll);

    [LoggerMessage(25, LogLevel.Error, "the server was ended by signal {Signal} ({Name})")]
    public static partial void ServerKilled(ILogger logger, int signal, string name);

    [LoggerMessage(60, LogLevel.Error, "a request of the parent failed")]
    public static partial void ServerFailed(ILogger logger, Exception exception);

    [LoggerMessage(61, LogLevel.Error, "the server does not end: it is killed")]
    public static partial void ServerStuck(ILogger logger);

    [LoggerMessage(62, LogLevel.Warning, "this kernel has no Landlock (Linux 5.19, not switched off): a server that was taken over could look into other processes of the host")]
    public static partial void NoLandlock(ILogger logger);

    [LoggerMessage(63, LogLevel.Warning, "whether another keeper has come to the store {Store} cannot be told: {Reason}")]
    public static partial void KeeperUnclear(ILogger logger, string store, string reason);

    [LoggerMessage(26, LogLevel.Warning, "the connection to the parent failed: {Reason}")]
    public static partial void ControlFailed(ILogger logger, string reason);

    [LoggerMessage(EventId = 29, Message = "{Message}")]
    public static partial void ServerSays(ILogger logger, LogLevel level, string message);

    [LoggerMessage(40, LogLevel.Information, "{Path} is unmounted")]
    public static partial void Unmounted(ILogger logger, string path);

    [LoggerMessage(41, LogLevel.Information, "{Path} was unmounted with {Count} files and directories open: they go on until they are closed")]
    public static partial void StillOpen(ILogger logger, string path, long count);

    [LoggerMessage(42, LogLevel.Debug, "{Path} is closed")]
    public static partial void Closed(ILogger logger, string path);

    [LoggerMessage(43, LogLevel.Warning, "{Path} was unmounted, but what it served cannot be closed properly")]
    public static partial void CloseFailed(ILogger logger, string path, Exception exception);

    [LoggerMessage(44, LogLevel.Information, "The API listens on {Path}")]
    public static partial void ApiListens(ILogger logger, string path);

    [LoggerMessage(45, LogLevel.Debug, "API: {Method} {Path} {Status}")]
    public static partial void ApiAnswered(ILogger logger, string method, string path, int status);

    [LoggerMessage(46, LogLevel.Warning, "API: {Method} {Path} failed: {Reason}")]
    public static partial void ApiRefused(ILogger logger, string method, string path, string reason);

    [LoggerMessage(47, LogLevel.Error, "API: {Method} {Path} ended in a defect of this program")]
    public static partial void ApiFailed(ILogger logger, string method, string path, Exception exception);

    [LoggerMessage(48, LogLevel.Information, "The API asks to end")]
    public static partial void ApiExit(ILogger logger);

    [LoggerMessage(30, LogLevel.Debug, "at most {Files} files are open at once, not {Wanted}: raising the hard limit needs CAP_SYS_RESOURCE")]
    public static partial void FewerOpenFiles(ILogger logger, ulong files, ulong wanted);

    [LoggerMessage(65, LogLevel.Information, "{Image} is indexed already: its layers are indexed anew, and it keeps its tag")]
    public static partial void IndexedAlready(ILogger logger, string image);

    [LoggerMessage(66, LogLevel.Warning, "The window has {Size} MiB, not {Wanted}: a guest fills it with mappings, and of more than {Most} QEMU would die. Larger windows are for one image alone")]
    public static partial void WindowShortened(ILogger logger, ulong size, ulong wanted, int most);
}
