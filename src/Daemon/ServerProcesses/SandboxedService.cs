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
    const int SIGTERM = 15;

    public static int Run(ServeSettings settings, LogLevelSwitch level, ILogger logger)
    {
        using var stop = new StopSignals(logger);
        using var sandbox = new Sandbox(settings.Sandbox, Capabilities(settings));
        SystemCallException.ThrowIfError(Sockets.CreateSequencedPacketPair(out var ours, out var theirs), "socketpair");
        using var link = new ServerLink(new FileDescriptor(ours));
        using var relay = settings.Syslog ? new ServerLogRelay(logger) : null;
        // It starts while the sources are opened.
        var server = Start(sandbox, theirs, relay);
        try
        {
            using var stopServer = stop.Token.Register(() => ProcessSpawn.Kill(server, SIGTERM));
            using var opener = new SourceOpener(settings.Sources, logger);
            using var mounts = new ServerMountControl(sandbox, link, opener);
            level.Changed += least => _ = link.SetLogLevelAsync(least);
            link.SendSettings(settings);
            if (settings.Root is { } root)
                mounts.MountRootAsync(root, settings.Sources, stop.Token).GetAwaiter().GetResult();
            Service.MountAll(settings, mounts, stop.Token);
            using var api = Service.StartApi(settings, mounts, level, logger, stop);
            using var listener = ListeningSocket.Open(Service.DeviceOptions(settings));
            link.ServeAsync(listener.Fd).GetAwaiter().GetResult();
            ProcessMemory.ReleaseProgram();
            api?.SetState(DaemonState.RUNNING);
            var code = Wait(server, logger);
            api?.SetState(DaemonState.STOPPED);
            return code;
        }
        catch (ServerEndedException)
        {
            return Wait(server, logger) is var code and not 0 ? code : ProgramCommand.Failed;
        }
        catch
        {
            // It ends when its parent's end of the link is closed, which says nothing more on the caller's stderr.
            link.Dispose();
            _ = ProcessSpawn.Wait(server, out _);
            throw;
        }
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
