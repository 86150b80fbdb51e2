using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay;

static partial class Log
{
    [LoggerMessage(200, LogLevel.Warning, "layer {Layer}: {Reason}")]
    public static partial void IndexRefused(ILogger logger, Digest layer, string reason);

    [LoggerMessage(201, LogLevel.Warning, "{Host} sends the whole of a blob where a part is asked for: what is absent of a layer comes in one stream from now on, which takes longer")]
    public static partial void RangesIgnored(ILogger logger, string host);

    [LoggerMessage(202, LogLevel.Warning, "layer {Layer}: its index in the store is damaged, and is made anew")]
    public static partial void IndexDamaged(ILogger logger, Digest layer);

    [LoggerMessage(203, LogLevel.Warning, "{Reason}")]
    public static partial void Remote(ILogger logger, string reason);

    [LoggerMessage(204, LogLevel.Warning, "{Image} waits to replace layers: another image that does so holds {Lock} until it is open; of this process, the last to hold it was {Last}")]
    public static partial void WaitsForReplacing(ILogger logger, ImageReference image, string @lock, string last);
}
