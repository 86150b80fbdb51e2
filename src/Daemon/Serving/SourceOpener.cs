using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Daemon.Commands;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>Turns a SOURCE of the command line into a file system.</summary>
sealed class SourceOpener(SourceSettings settings, ILogger logger)
{
    public IFileSystem Open(string source, CancellationToken stop)
    {
        _ = (settings, logger);
        stop.ThrowIfCancellationRequested();
        throw new UsageException($"cannot serve '{source}': not a directory, and not oci:PATH[:TAG|@DIGEST]");
    }
}
