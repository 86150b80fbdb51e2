using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Local;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Daemon.Commands;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>Turns a SOURCE of the command line into a file system.</summary>
sealed class SourceOpener(SourceSettings settings, ILogger logger)
{
    public IFileSystem Open(string source, CancellationToken stop)
    {
        _ = logger;
        stop.ThrowIfCancellationRequested();
        if (Directory.Exists(source))
            return OpenDirectory(source);
        throw new UsageException($"cannot serve '{source}': there is no such directory, and it is not oci:PATH[:TAG|@DIGEST]");
    }

    LocalFileSystem OpenDirectory(string path) => LocalFileSystem.Open(new LocalOptions
    {
        Path = path,
        Cache = settings.Cache switch
        {
            "never" => CacheMode.Never,
            "metadata" => CacheMode.Metadata,
            "always" => CacheMode.Always,
            _ => CacheMode.Auto,
        },
        ReadOnly = settings.ReadOnly,
        Xattr = settings.Xattr,
        Writeback = settings.Writeback,
        FileHandles = settings.InodeFileHandles switch
        {
            "never" => FileHandleMode.Never,
            "mandatory" => FileHandleMode.Mandatory,
            _ => FileHandleMode.Prefer,
        },
    });
}
