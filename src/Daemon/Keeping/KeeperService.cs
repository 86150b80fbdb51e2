using System.Globalization;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Logging;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Keeping;

/// <summary>A process that is a store's keeper and nothing else.</summary>
static class KeeperService
{
    /// <summary>Where systemd puts the first descriptor that it passes (sd_listen_fds(3)).</summary>
    const int FirstPassed = 3;

    public static int Run(string path, LogLevel level)
    {
        using var loggers = DaemonLogging.Create(level);
        var logger = loggers.CreateLogger("virtiofs-store");
        var images = new ServedImages();
        using var report = new CountSignal(images, logger);
        using var stop = new StopSignals(logger);
        var address = new KeeperAddress(StoreDirectory.Open(path));
        var passed = TakePassed();
        using var office = address.TryTakeOffice() ?? Wait(address, logger, stop.Token);
        var keeper = new LocalKeeper(address.Store, logger: logger);
        var server = new KeeperServer(keeper, passed ?? address.Listen(), logger, images);
        Log.Keeper(logger, address.Store.Root);
        _ = stop.Token.WaitHandle.WaitOne();
        if (passed is null)
            _ = SocketFiles.Unlink(address.SocketPath);
        server.Dispose();
        keeper.DisposeAsync().AsTask().GetAwaiter().GetResult();
        return 0;
    }

    static StoreLock Wait(KeeperAddress address, ILogger logger, CancellationToken stop)
    {
        Log.KeeperWaits(logger, address.Store.Root);
        return address.TakeOfficeAsync(stop).AsTask().GetAwaiter().GetResult();
    }

    /// <summary>The socket that systemd listens on for this process; null if there is none.</summary>
    /// <exception cref="IOException">What was passed is not one socket that listens.</exception>
    static FileDescriptor? TakePassed()
    {
        if (Environment.GetEnvironmentVariable("LISTEN_PID") != Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
            return null;
        if (Environment.GetEnvironmentVariable("LISTEN_FDS") != "1")
            throw new IOException($"the keeper takes one socket from systemd, and LISTEN_FDS is '{Environment.GetEnvironmentVariable("LISTEN_FDS")}'");
        if (SystemCallException.ThrowIfError(Sockets.IsListening(FirstPassed), "getsockopt", "the socket passed by systemd") == 0)
            throw new IOException("what systemd passed to the keeper is no socket that listens: the .socket unit needs ListenSequentialPacket= and Accept=no");
        SystemCallException.ThrowIfError(Descriptors.SetCloseOnExec(FirstPassed), "fcntl");
        return new FileDescriptor(FirstPassed);
    }
}
