using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.DevFuse;
using VirtioFsStore.Core.Fuse;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Daemon.Commands;
using VirtioFsStore.Daemon.Logging;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.HostMounts;

/// <summary>Mounts a source on this host and serves it to its end.</summary>
static class HostMount
{
    /// <param name="settings">What to mount, and how.</param>
    /// <param name="log">Where stderr goes, if that is a file.</param>
    /// <param name="ready">Called once the mount can be used. False: nobody wants it any more, and it is unmounted.</param>
    public static int Run(MountSettings settings, string? log = null, Func<bool>? ready = null)
    {
        using var loggers = DaemonLogging.Create(settings.LogLevel);
        var logger = loggers.CreateLogger("virtiofs-store");
        using var stop = new StopSignals(logger);
        CheckMountPoint(settings);
        Log.Mounting(logger, settings.Source, settings.Device.MountPoint, Environment.ProcessId);
        using var opener = new SourceOpener(settings.Sources, logger);
        var images = new ServedImages();
        using var report = new CountSignal(images, logger);
        var fileSystem = opener.Open(settings.Source, images, stop.Token);
        try
        {
            var code = Serve(settings, fileSystem, logger, log, ready, stop.Token);
            if (settings.Statistics)
                images.LogLast(logger);
            return code;
        }
        finally
        {
            fileSystem.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    static int Serve(MountSettings settings, IFileSystem fileSystem, ILogger logger, string? log, Func<bool>? ready, CancellationToken stop)
    {
        var device = settings.Device;
        // Read-only for the kernel too: it then asks for no attributes again only because a read has changed the access time.
        if ((fileSystem.Traits & FileSystemTraits.ReadOnly) != 0)
            device = device with { Flags = device.Flags | MountFlags.ReadOnly };
        var options = settings.Sources.SessionOptions(settings.IoTimeout) with
        {
            MaxWrite = (uint)device.MaxWrite,
            Interruptible = true,
            AllowIdmap = device.DefaultPermissions,
        };
        var session = new FuseSession(Router.Single(fileSystem), options, logger);
        using var server = new DevFuseServer(device, session, logger);
        server.Start();
        var record = MountRecord.Of(settings.Source, device.MountPoint, server.Device, log);
        MountRecords.Write(record, logger);
        using var unmount = stop.Register(server.Unmount);
        if (ready is not null && !ready())
        {
            Log.Abandoned(logger);
            server.Unmount();
        }
        var ended = server.Wait();
        MountRecords.Remove(record);
        Log.Requests(logger, session.Statistics);
        return ended ? 0 : ProgramCommand.Failed;
    }

    /// <summary>What cannot work is refused before an image is indexed for it.</summary>
    static void CheckMountPoint(MountSettings settings)
    {
        using var target = MountTarget.Open(settings.Device.MountPoint);
        if (target.IsDead)
        {
            var dead = target.Mount is { } mount ? MountRecords.Find(mount.Device) : null;
            throw new IOException($"{target.Path}: what is mounted there is dead; {(dead is null ? "its server has ended" : dead.DescribeEnd())}. Take it away with 'virtiofs-store umount {target.Path}', then mount again");
        }
        if (ImageReference.IsImage(settings.Source) || !Directory.Exists(settings.Source))
            return;
        using var source = MountTarget.Open(settings.Source);
        // A request for what is mounted there would ask this server again, which waits for the answer; with threads enough, until there are none.
        if (target.IsBelow(source))
            throw new IOException($"cannot mount {source.Path} on {target.Path}, which lies in it: the server would have to serve itself");
    }
}
