using VirtioFsStore.Core.DevFuse;
using VirtioFsStore.Core.Fuse;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Daemon.Logging;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>Mounts a source on this host and serves it to its end.</summary>
static class HostMount
{
    public static int Run(MountSettings settings)
    {
        using var loggers = DaemonLogging.Create(settings.LogLevel);
        var logger = loggers.CreateLogger("virtiofs-store");
        using var stop = new StopSignals(logger);
        var fileSystem = new SourceOpener(settings.Sources, logger).Open(settings.Source, stop.Token);
        try
        {
            var session = new FuseSession(Router.Single(fileSystem), settings.Sources.SessionOptions(settings.IoTimeout), logger);
            // Read-only for the kernel too: it then asks for no attributes again only because a read has changed the access time.
            var readOnly = settings.Device.ReadOnly || (fileSystem.Traits & FileSystemTraits.ReadOnly) != 0;
            using var server = new DevFuseServer(settings.Device with { ReadOnly = readOnly }, session, logger);
            server.Start();
            using var unmount = stop.Token.Register(server.Unmount);
            server.Wait();
            Log.Requests(logger, session.Statistics);
        }
        finally
        {
            fileSystem.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
        return 0;
    }
}
