using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Fuse;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Transport;
using VirtioFsStore.Core.VhostUser;
using VirtioFsStore.Daemon.Api;
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
        var level = new LogLevelSwitch(settings.LogLevel);
        using var loggers = settings.Syslog ? DaemonLogging.CreateForSyslog(level) : DaemonLogging.Create(level);
        var logger = loggers.CreateLogger("virtiofs-store");
        if (settings.SocketPath is { } socket) CheckFolder(socket);
        OpenFileLimit.Apply(settings.Sandbox.OpenFiles, logger);
        if (settings.Dax.Wanted > settings.Dax.Window)
            Log.WindowShortened(logger, settings.Dax.Window >> 20, settings.Dax.Wanted >> 20, DaxRange.MaxMappings);
        return settings.Sandbox.Mode == SandboxMode.None ? RunInProcess(settings, level, logger) : SandboxedService.Run(settings, level, logger);
    }

    /// <summary>Before an image is indexed, which may take minutes.</summary>
    static void CheckFolder(string socket)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(socket));
        if (folder is not null && !Directory.Exists(folder)) throw new DirectoryNotFoundException($"cannot listen on {socket}: there is no directory {folder}");
    }

    /// <summary>What the settings say of the device, where it listens included; and what is done once all is ready.</summary>
    /// <param name="settings">What the command line says.</param>
    /// <param name="listening">What else is done then.</param>
    public static VhostUserOptions DeviceOptions(ServeSettings settings, Action? listening = null) => new()
    {
        SocketPath = settings.SocketPath,
        ListenFd = settings.ListenFd,
        SocketGroup = settings.SocketGroup,
        SocketMode = settings.SocketMode,
        Relisten = settings.Relisten,
        Tag = settings.Tag,
        RequestQueues = settings.RequestQueues,
        DrainLimit = settings.IoTimeout,
        DaxWindow = settings.Dax.Window,
        DaxDialect = settings.Dax.Dialect,
        DaxReplyLimit = settings.IoTimeout == Timeout.InfiniteTimeSpan ? TimeSpan.FromSeconds(30) : settings.IoTimeout,
        Listening = () =>
        {
            listening?.Invoke();
            ProcessMemory.ReleaseProgram();
        },
    };

    static int RunInProcess(ServeSettings settings, LogLevelSwitch level, ILogger logger)
    {
        using var stop = new StopSignals(logger);

        using var opener = new SourceOpener(settings.Sources, logger);
        var images = new ServedImages();
        FuseSession? session = null;
        using var report = new CountSignal(images, logger, () =>
        {
            LogWindow(settings, session, logger);
            return Task.CompletedTask;
        });
        var router = settings.Root is { } root ? OpenRoot(root, opener, images, logger, stop.Token) : Router.Pseudo();
        var hasAbandoned = false;
        try
        {
            using var mounts = new RouterMountControl(router, opener, images, logger);
            MountAll(settings, mounts, stop.Token);
            session = new FuseSession(router, settings.Sources.SessionOptions(settings.IoTimeout), logger);
            using var api = StartApi(settings, mounts, level, logger, stop);
            Serve(settings, session, logger, listening: () => api?.SetState(DaemonState.RUNNING), stop.Token, out hasAbandoned);
            api?.SetState(DaemonState.STOPPED);
            Log.Requests(logger, session.Statistics);
            if (settings.Statistics)
            {
                LogWindow(settings, session, logger);
                images.LogLast(logger);
            }
        }
        finally
        {
            // What still runs uses it; it goes with the process.
            if (!hasAbandoned)
                router.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
        return 0;
    }

    /// <summary>What is mapped into the guest's window, where it has one.</summary>
    public static void LogWindow(ServeSettings settings, FuseSession? session, ILogger logger)
    {
        if (settings.Dax.Window == 0 || session is null)
            return;
        var counts = session.Window;
        Log.WindowCounts(logger, counts.Mappings, counts.Parts, counts.MostParts, counts.Mapped, counts.Copied, counts.CopiedInAll);
    }

    /// <summary>Mounts what the command line names. The sources are looked at first: some take minutes to open.</summary>
    public static void MountAll(ServeSettings settings, MountControl mounts, CancellationToken stop)
    {
        foreach (var mount in settings.Mounts)
            SourceOpener.Check(mount.Source);
        foreach (var mount in settings.Mounts)
            Mount(mounts, mount, settings.Sources, stop);
    }

    /// <summary>Null where none is wanted.</summary>
    public static ApiServer? StartApi(ServeSettings settings, IMountControl mounts, LogLevelSwitch level, ILogger logger, StopSignals stop)
    {
        if (settings.Api is not { } api)
            return null;
        var endpoints = new ApiEndpoints(api, mounts, settings.Sources, level, () =>
        {
            Log.ApiExit(logger);
            stop.Stop();
        });
        return ApiServer.Start(api.SocketPath, endpoints, logger, stop.Token);
    }

    /// <param name="settings">What the command line says.</param>
    /// <param name="session">What is served.</param>
    /// <param name="logger">For what goes wrong.</param>
    /// <param name="listening">What is done when the socket is there.</param>
    /// <param name="stop">Ends it.</param>
    /// <param name="hasAbandoned">Requests still run, and use what is served; set however this ends.</param>
    static void Serve(ServeSettings settings, FuseSession session, ILogger logger, Action listening, CancellationToken stop, out bool hasAbandoned)
    {
        hasAbandoned = false;
        using var server = new VhostUserServer(
            DeviceOptions(settings, listening),
            session,
            logger);
        using var stopServer = stop.Register(server.Stop);
        SeccompFilter.Install(settings.Sandbox.Seccomp, keeper: settings.MayKeepImages);
        try
        {
            server.Run();
        }
        finally
        {
            hasAbandoned = server.HasAbandoned;
        }
    }

    static Router OpenRoot(string source, SourceOpener opener, ServedImages images, ILogger logger, CancellationToken stop)
    {
        var root = opener.Open(source, images, stop, allowFile: true);
        Log.Serving(logger, "/", source);
        return Router.Single(root);
    }

    static void Mount(MountControl mounts, MountPoint mount, SourceSettings settings, CancellationToken stop)
    {
        try
        {
            var kind = ImageReference.IsImage(mount.Source) ? SourceKind.Image : SourceKind.Local;
            mounts.MountAsync(mount.Path, new MountRequest(kind, mount.Source, settings), stop).AsTask().GetAwaiter().GetResult();
        }
        catch (MountException exception) when (exception.Failure != MountFailure.Failed)
        {
            throw new UsageException($"--mount {mount.Path}={mount.Source}: {exception.Message}");
        }
    }
}
