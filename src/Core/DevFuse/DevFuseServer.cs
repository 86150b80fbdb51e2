using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.DevFuse;

/// <summary>The second transport: a session mounted on this host through /dev/fuse.</summary>
public sealed class DevFuseServer : IDisposable
{
    /// <summary>Room for headers beside the data of a WRITE or READ.</summary>
    const int HeaderRoom = 4096;

    readonly DevFuseOptions _options;
    readonly ILogger _logger;
    readonly List<DevFuseWorker> _workers = [];
    readonly IRequestHandler _handler;
    readonly bool _privileged = ProcessIdentity.EffectiveUid == 0;

    // One more than the requests that are being handled, until Wait gives that one back.
    readonly CountdownEvent _outstanding = new(1);
    readonly Lock _unmounting = new();
    string _mountPoint;
    bool _mounted;
    bool _drained = true;

    public DevFuseServer(DevFuseOptions options, IRequestHandler handler, ILogger logger)
    {
        _options = options;
        _handler = handler;
        _logger = logger;
        _mountPoint = options.MountPoint;
    }

    /// <summary>MAJOR:MINOR of the mounted file system, as the mount table has it; null before <see cref="Start"/>.</summary>
    public string? Device { get; private set; }

    /// <summary>Mounts and starts to serve. When it returns, the mount point can be used.</summary>
    /// <exception cref="IOException">The device cannot be opened or the mount is refused.</exception>
    public void Start()
    {
        using (var target = MountTarget.Open(_options.MountPoint))
            _mountPoint = target.Path;
        var connection = _privileged ? MountDirectly() : FuserMount.Mount(_mountPoint, MountOptions.ForFuserMount(_options));
        AddWorker(connection);
        _mounted = true;
        try
        {
            Device = MountInfo.At(_mountPoint)?.Device;
            for (var index = 1; index < _options.Threads; index++)
                AddWorker(new FileDescriptor(SystemCallException.ThrowIfError(FuseDevice.Clone(connection.Value), "FUSE_DEV_IOC_CLONE", "/dev/fuse")));
            foreach (var worker in _workers)
                worker.Start();
        }
        catch
        {
            Unmount();
            throw;
        }
        Log.Mounted(_logger, _mountPoint);
    }

    /// <summary>Returns when nothing is served any more. True: the file system has been unmounted, by whomever; false: reading requests failed.</summary>
    public bool Wait()
    {
        foreach (var worker in _workers)
            worker.Join();
        var ended = _workers.TrueForAll(worker => !worker.HasFailed);
        if (!ended)
            Unmount();
        lock (_unmounting)
            _mounted = false;
        _handler.CancelWaiting();
        _outstanding.Signal();
        _drained = _outstanding.Wait(_options.DrainLimit);
        if (_drained)
            _handler.Reset();
        else
            Log.NotDrained(_logger, _outstanding.CurrentCount, _options.DrainLimit.TotalSeconds);
        return ended;
    }

    /// <summary>
    /// Unmounts, from any thread. A mount that is in use is taken out of the tree at once, and goes when its last user has gone.
    /// </summary>
    public void Unmount()
    {
        lock (_unmounting)
        {
            if (!_mounted)
                return;
            // By its path alone, another file system that was mounted over it, or in its place, would go.
            if (Device is not null && MountInfo.At(_mountPoint)?.Device is var seen && seen != Device)
            {
                if (seen is not null)
                    Log.Covered(_logger, _mountPoint);
                return;
            }
            if (_privileged)
                UnmountDirectly();
            else
                UnmountByProgram();
        }
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

    FileDescriptor MountDirectly()
    {
        var connection = new FileDescriptor(SystemCallException.ThrowIfError(FuseDevice.Open(), "open", "/dev/fuse (the kernel's module fuse provides it)"));
        var result = Mounting.Mount(_options.Source, _mountPoint, DevFuseOptions.Type, _options.Flags, MountOptions.ForKernel(_options, connection.Value));
        if (result >= 0)
            return connection;
        connection.Dispose();
        throw new SystemCallException(result.ToErrno(), "mount", _mountPoint);
    }

    void AddWorker(FileDescriptor device) =>
        _workers.Add(new DevFuseWorker(_workers.Count, device, Math.Max(_options.MaxWrite, _options.MaxRead) + HeaderRoom, _outstanding, _handler, _logger));

    void UnmountDirectly()
    {
        var result = Mounting.Unmount(_mountPoint, 0);
        if (result.ToErrno() == Errno.EBUSY)
        {
            Log.Busy(_logger, _mountPoint);
            result = Mounting.Unmount(_mountPoint, Mounting.MNT_DETACH);
        }
        // EINVAL: it was unmounted a moment ago.
        if (result < 0 && result.ToErrno() != Errno.EINVAL)
            Log.UnmountFailed(_logger, _mountPoint, result.ToErrno().Describe());
    }

    void UnmountByProgram()
    {
        try
        {
            FuserMount.Unmount(_mountPoint, lazy: true);
        }
        catch (IOException exception)
        {
            Log.UnmountFailed(_logger, _mountPoint, exception.Message);
        }
    }
}
