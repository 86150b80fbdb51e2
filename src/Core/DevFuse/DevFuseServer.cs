using System.Globalization;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.DevFuse;

/// <summary>The second transport: a session mounted on this host through /dev/fuse.</summary>
public sealed class DevFuseServer : IDisposable
{
    /// <summary>S_IFDIR, in octal as the kernel's option wants it.</summary>
    const string RootMode = "40000";

    /// <summary>Room for headers beside the data of a WRITE or READ.</summary>
    const int HeaderRoom = 4096;

    readonly DevFuseOptions _options;
    readonly ILogger _logger;
    readonly List<DevFuseWorker> _workers = [];
    readonly IRequestHandler _handler;

    // One more than the requests that are being handled, until Wait gives that one back.
    readonly CountdownEvent _outstanding = new(1);
    volatile bool _mounted;
    bool _drained = true;

    public DevFuseServer(DevFuseOptions options, IRequestHandler handler, ILogger logger)
    {
        _options = options;
        _handler = handler;
        _logger = logger;
    }

    /// <summary>Mounts and starts to serve. When it returns, the mount point can be used.</summary>
    /// <exception cref="SystemCallException">The device cannot be opened or the mount is refused.</exception>
    public void Start()
    {
        var connection = SystemCallException.ThrowIfError(FuseDevice.Open(), "open", "/dev/fuse");
        var first = new FileDescriptor(connection);
        _workers.Add(new DevFuseWorker(0, first, _options.MaxWrite + HeaderRoom, _outstanding, _handler, _logger));
        SystemCallException.ThrowIfError(Mounting.Mount(_options.Source, _options.MountPoint, "fuse.virtiofs-store", MountFlags(), MountData(connection)), "mount", _options.MountPoint);
        _mounted = true;
        for (var index = 1; index < _options.Threads; index++)
        {
            var clone = SystemCallException.ThrowIfError(FuseDevice.Clone(connection), "FUSE_DEV_IOC_CLONE", "/dev/fuse");
            _workers.Add(new DevFuseWorker(index, new FileDescriptor(clone), _options.MaxWrite + HeaderRoom, _outstanding, _handler, _logger));
        }
        foreach (var worker in _workers)
            worker.Start();
        Log.Mounted(_logger, _options.MountPoint);
    }

    /// <summary>Returns when the file system has been unmounted, by whomever.</summary>
    public void Wait()
    {
        foreach (var worker in _workers)
            worker.Join();
        _mounted = false;
        _handler.CancelWaiting();
        _outstanding.Signal();
        _drained = _outstanding.Wait(_options.DrainLimit);
        if (_drained)
            _handler.Reset();
        else
            Log.NotDrained(_logger, _outstanding.CurrentCount, _options.DrainLimit.TotalSeconds);
    }

    /// <summary>
    /// Unmounts, from any thread. A mount that is in use is taken out of the tree at once, and goes when its last user has gone.
    /// </summary>
    public void Unmount()
    {
        if (!_mounted)
            return;
        var result = Mounting.Unmount(_options.MountPoint, 0);
        if (result.ToErrno() == Errno.EBUSY)
        {
            Log.Busy(_logger, _options.MountPoint);
            result = Mounting.Unmount(_options.MountPoint, Mounting.MNT_DETACH);
        }
        if (result < 0 && result.ToErrno() != Errno.EINVAL)
            Log.UnmountFailed(_logger, _options.MountPoint, result.ToErrno().Describe());
    }

    public void Dispose()
    {
        // What a request still works with is left to the end of the process.
        if (!_drained)
            return;
        _outstanding.Dispose();
        foreach (var worker in _workers)
            worker.Dispose();
        _workers.Clear();
    }

    ulong MountFlags()
    {
        var flags = 0UL;
        if (_options.ReadOnly)
            flags |= Mounting.MS_RDONLY;
        if (_options.NoSuid)
            flags |= Mounting.MS_NOSUID;
        if (_options.NoDevices)
            flags |= Mounting.MS_NODEV;
        return flags;
    }

    string MountData(int connection)
    {
        var data = string.Create(CultureInfo.InvariantCulture, $"fd={connection},rootmode={RootMode},user_id={ProcessIdentity.EffectiveUid},group_id={ProcessIdentity.EffectiveGid}");
        if (_options.AllowOther)
            data += ",allow_other";
        if (_options.DefaultPermissions)
            data += ",default_permissions";
        return data;
    }
}
