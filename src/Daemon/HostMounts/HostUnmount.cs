using VirtioFsStore.Core.DevFuse;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Logging;

namespace VirtioFsStore.Daemon.HostMounts;

/// <summary>Ends a mount, and finds out how its server ended.</summary>
static class HostUnmount
{
    /// <summary>More than a server takes to end what still waits (<see cref="DevFuseOptions.DrainLimit"/>).</summary>
    static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    public static int Run(string mountPoint, bool lazy, TextWriter report)
    {
        var (path, record) = Find(mountPoint);
        using var server = record?.OpenServer();
        if (ProcessIdentity.EffectiveUid == 0)
            Unmount(path, lazy);
        else
            FuserMount.Unmount(path, lazy);
        if (record is null)
            return 0;
        if (server is null)
        {
            ReportDead(path, record, report);
            MountRecords.Remove(record);
        }
        else if (!lazy)
        {
            WaitFor(server, path, record);
        }
        return 0;
    }

    /// <summary>What is mounted there, and known of it; nothing is left open that would keep it busy.</summary>
    static (string Path, MountRecord? Record) Find(string mountPoint)
    {
        using var target = MountTarget.Open(mountPoint);
        if (target.Mount is not { } mount || mount.MountPoint != target.Path)
            throw new IOException($"{mountPoint} is not a mount point");
        if (mount.Type != DevFuseOptions.Type)
            throw new IOException($"what is mounted on {mountPoint} is of type {mount.Type}, not {DevFuseOptions.Type}: umount(8) unmounts it");
        return (target.Path, MountRecords.Find(mount.Device));
    }

    static void Unmount(string path, bool lazy)
    {
        var result = Mounting.Unmount(path, lazy ? Mounting.MNT_DETACH : 0);
        if (result.ToErrno() == Errno.EBUSY)
            throw new IOException($"{path} is in use: end what uses it ('fuser -vm {path}' tells), or take it out of the tree now with --lazy");
        SystemCallException.ThrowIfError(result, "umount", path);
    }

    static void ReportDead(string path, MountRecord record, TextWriter report)
    {
        var line = PlainText.Of($"{path}: {record.DescribeEnd()}");
        report.WriteLine($"virtiofs-store: {line}");
        if (record.Log is null)
            return;
        try
        {
            File.AppendAllText(record.Log, LogLine.Format(Microsoft.Extensions.Logging.LogLevel.Error, line));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            report.WriteLine($"virtiofs-store: {PlainText.Of($"that cannot be added to the log: {exception.Message}")}");
        }
    }

    static void WaitFor(FileDescriptor server, string path, MountRecord record)
    {
        var entry = new PollEntry(server.Value, Polling.POLLIN);
        if (Polling.Poll(new Span<PollEntry>(ref entry), (int)s_limit.TotalMilliseconds) == 0)
            throw new IOException($"{path} is unmounted, but its server (pid {record.Pid}) has not ended within {s_limit.TotalSeconds} s: another mount namespace, such as a container's, may still have the mount{(record.Log is null ? "" : $"; its log is {record.Log}")}");
    }
}
