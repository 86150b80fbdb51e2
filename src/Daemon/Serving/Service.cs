using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Fuse;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.VhostUser;
using VirtioFsStore.Daemon.Commands;
using VirtioFsStore.Daemon.Logging;
using VirtioFsStore.Daemon.Sandboxing;
using VirtioFsStore.Daemon.ServerProcesses;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>Puts a served device together, runs it to its end, and takes it apart.</summary>
static class Service
{
    public static int Run(ServeSettings settings)
    {
        UserNamespace.EnterIfNeeded(settings.Sandbox);
        using var pidFile = settings.PidFile is { } path ? PidFile.Take(path) : null;
        using var loggers = settings.Syslog ? DaemonLogging.CreateForSyslog(settings.LogLevel) : DaemonLogging.Create(settings.LogLevel);
        var logger = loggers.CreateLogger("virtiofs-store");
        return settings.Sandbox.Mode == SandboxMode.None ? RunInProcess(settings, logger) : SandboxedService.Run(settings, logger);
    }

    /// <summary>What the settings say of the device; where it listens included.</summary>
    public static VhostUserOptions DeviceOptions(ServeSettings settings) => new()
    {
        SocketPath = settings.SocketPath,
        ListenFd = settings.ListenFd,
        SocketGroup = settings.SocketGroup,
        SocketMode = settings.SocketMode,
        Relisten = settings.Relisten,
        Tag = settings.Tag,
        RequestQueues = settings.RequestQueues,
        DrainLimit = settings.IoTimeout,
    };

    static int RunInProcess(ServeSettings settings, ILogger logger)
    {
        using var stop = new StopSignals(logger);

        using var opener = new SourceOpener(settings.Sources, logger);
        var router = OpenRouter(settings, opener, logger, stop.Token);
        try
        {
            var session = new FuseSession(router, settings.Sources.SessionOptions(settings.IoTimeout), logger);
            Serve(settings, session, logger, stop.Token);
            Log.Requests(logger, session.Statistics);
        }
        finally
        {
            router.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
        return 0;
    }

    static void Serve(ServeSettings settings, FuseSession session, ILogger logger, CancellationToken stop)
    {
        using var server = new VhostUserServer(
            DeviceOptions(settings),
            session,
            logger);
        using var stopServer = stop.Register(server.Stop);
        SeccompFilter.Install(settings.Sandbox.Seccomp);
        server.Run();
    }

    static Router OpenRouter(ServeSettings settings, SourceOpener opener, ILogger logger, CancellationToken stop)
    {
        if (settings.Root is { } source)
        {
            var root = opener.Open(source, stop, allowFile: true);
            Log.Serving(logger, "/", source);
            return Router.Single(root);
        }
        foreach (var mount in settings.Mounts)
            SourceOpener.Check(mount.Source);
        var router = Router.Pseudo();
        foreach (var mount in settings.Mounts)
        {
            var fileSystem = opener.Open(mount.Source, stop);
            try
            {
                router.Add(mount.Path, fileSystem);
            }
            catch (MountException exception)
            {
                throw new UsageException($"--mount {mount.Path}={mount.Source}: {exception.Message}");
            }
            Log.Serving(logger, mount.Path, mount.Source);
        }
        return router;
    }
}
