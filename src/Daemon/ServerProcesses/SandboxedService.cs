using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.VhostUser;
using VirtioFsStore.Daemon.Api;
using VirtioFsStore.Daemon.Commands;
using VirtioFsStore.Daemon.Logging;
using VirtioFsStore.Daemon.Sandboxing;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.ServerProcesses;

/// <summary>
/// The parent: the process that the caller started and watches. It opens what is served, in the caller's namespaces and with the caller's
/// rights, starts the sandboxed server, hands it the descriptors, passes signals on, and ends as the server does.
/// </summary>
static class SandboxedService
{
    /// <summary>For what a server does at its end beside requests, whose limit is --io-timeout.</summary>
    static readonly TimeSpan s_grace = TimeSpan.FromSeconds(10);

    public static int Run(ServeSettings settings, LogLevelSwitch level, ILogger logger)
    {
        using var stop = new StopSignals(logger);
        using var sandbox = new Sandbox(settings.Sandbox, Capabilities(settings));
        SystemCallException.ThrowIfError(Sockets.CreateSequencedPacketPair(out var ours, out var theirs), "socketpair");
        using var link = new ServerLink(new FileDescriptor(ours), logger);
        using var relay = settings.Syslog ? new ServerLogRelay(logger) : null;
        // It starts while the sources are opened.
        var server = Start(sandbox, theirs, relay);
        using var descriptor = new FileDescriptor(Processes.OpenDescriptor(server));
        var hasEnded = false;
        try
        {
            SystemCallException.ThrowIfError(descriptor.Value, "pidfd_open");
            var isServing = false;
            using var stopServer = stop.Token.Register(() => Stop(descriptor.Value, link, isServing, settings.IoTimeout, logger));
            if (!Landlock.IsThere && settings.Sandbox.Mode == SandboxMode.Namespace)
                Log.NoLandlock(logger);
            using var opener = new SourceOpener(settings.Sources, logger);
            var images = new ServedImages();
            using var mounts = new ServerMountControl(sandbox, link, opener, images);
            using var report = new CountSignal(images, logger, link.LogCountsAsync);
            level.Changed += least => _ = link.SetLogLevelAsync(least);
            link.SendSettings(settings);
            if (settings.Root is { } root)
                mounts.MountRootAsync(root, settings.Sources, stop.Token).GetAwaiter().GetResult();
            Service.MountAll(settings, mounts, stop.Token);
            using var api = Service.StartApi(settings, mounts, level, logger, stop);
            using var listener = ListeningSocket.Open(Service.DeviceOptions(settings));
            link.ServeAsync(listener.Fd).GetAwaiter().GetResult();
            isServing = true;
            // A signal that came in between has ended the link, and with it the server.
            ProcessMemory.ReleaseProgram();
            api?.SetState(DaemonState.RUNNING);
            var code = Wait(server, logger);
            hasEnded = true;
            api?.SetState(DaemonState.STOPPED);
            if (settings.Statistics)
                images.LogLast(logger);
            return code;
        }
        catch (ServerEndedException)
        {
            // The link's end, not yet the process's.
            KillAfter(descriptor, s_grace);
            var code = Wait(server, logger);
            return code == 0 && !stop.Token.IsCancellationRequested ? ProgramCommand.Failed : code;
        }
        catch when (!hasEnded)
        {
            // It ends when its parent's end of the link is closed, which says nothing more on the caller's stderr.
            link.Dispose();
            KillAfter(descriptor, s_grace);
            _ = ProcessSpawn.Wait(server, out _);
            throw;
        }
    }

    /// <summary>By its signal once it has a way of ending in order; before, and in any case later, by what it cannot refuse.</summary>
    static void Stop(int server, ServerLink link, bool isServing, TimeSpan ioTimeout, ILogger logger)
    {
        if (!isServing)
        {
            link.Close();
            return;
        }
        _ = Processes.Signal(server, Processes.SIGTERM);
        if (ioTimeout == Timeout.InfiniteTimeSpan)
            return;
        var own = Descriptors.Duplicate(server);
        _ = Task.Delay(ioTimeout + s_grace).ContinueWith(
            _ =>
            {
                using var descriptor = new FileDescriptor(own);
                if (Processes.Signal(descriptor.Value, Processes.SIGKILL) >= 0)
                    Log.ServerStuck(logger);
            },
            TaskScheduler.Default);
    }

    /// <summary>For a server that was told to end.</summary>
    static void KillAfter(FileDescriptor descriptor, TimeSpan grace)
    {
        if (descriptor.Value >= 0 && Polling.Poll([new PollEntry(descriptor.Value, Polling.POLLIN)], (int)grace.TotalMilliseconds) == 0)
            _ = Processes.Signal(descriptor.Value, Processes.SIGKILL);
    }

    static int Start(Sandbox sandbox, int control, ServerLogRelay? relay)
    {
        using var theirs = new FileDescriptor(control);
        using var nothing = new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Open("/dev/null", OpenFlags.O_RDWR), "open", "/dev/null"));
        var server = sandbox.Start([ServerProcess.Argument], [nothing.Value, OutputOr(1, nothing), relay?.Writing.Value ?? OutputOr(2, nothing)], [theirs.Value]);
        relay?.Writing.Dispose();
        return server;
    }

    /// <summary>A chroot is entered by the server itself, once it has started.</summary>
    static ulong Capabilities(ServeSettings settings) =>
        ServerCapabilities.Plan(settings.Sandbox, fileHandles: settings.Sources.InodeFileHandles != "never", trustedXattrs: settings.TrustedXattrs)
        | (settings.Sandbox.Mode == SandboxMode.Chroot ? 1UL << ThreadCredentials.CAP_SYS_CHROOT : 0);

    static int OutputOr(int stream, FileDescriptor nothing)
    {
        var fd = Descriptors.Duplicate(stream);
        if (fd < 0)
            return nothing.Value;
        _ = Descriptors.Close(fd);
        return stream;
    }

    /// <summary>The exit code is the server's; a signal that ended it is told, since nothing else will.</summary>
    static int Wait(int server, ILogger logger)
    {
        SystemCallException.ThrowIfError(ProcessSpawn.Wait(server, out var status), "waitpid");
        if (status <= 128)
            return status;
        Log.ServerKilled(logger, status - 128, SignalName(status - 128));
        return ProgramCommand.Failed;
    }

    static string SignalName(int signal) => signal switch
    {
        31 => "SIGSYS: it made a system call that --seccomp forbids",
        9 => "SIGKILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        _ => "see signal(7)",
    };
}
