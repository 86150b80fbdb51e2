using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay;

static partial class Log
{
    [LoggerMessage(200, LogLevel.Warning, "layer {Layer}: {Reason}")]
    public static partial void IndexRefused(ILogger logger, Digest layer, string reason);
}
