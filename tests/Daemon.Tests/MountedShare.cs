using System.Text.Json;
using VirtioFsStore.Core.DevFuse;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>A directory to mount, a mount point and a log, of one test's own. Nothing of it is left mounted.</summary>
sealed class MountedShare : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public MountedShare()
    {
        Directory.CreateDirectory(Share);
        Directory.CreateDirectory(MountPoint);
        // Others must get to the mount point.
        File.SetUnixFileMode(_directory.Path, (UnixFileMode)0x1ED);
    }

    public string Share => _directory["share"];

    public string MountPoint => _directory["mnt"];

    public string LogFile => _directory["log"];

    public string this[string name] => _directory[name];

    /// <summary>What the mount table has for the mount point; null if nothing is mounted there.</summary>
    public MountInfo? Mount => MountInfo.At(MountPoint);

    /// <summary>What is recorded of the mount.</summary>
    public JsonElement Record => JsonDocument.Parse(File.ReadAllBytes(RecordFile)).RootElement;

    public string RecordFile => $"/run/virtiofs-store/{Mount!.Device.Replace(':', '-')}.json";

    /// <summary>A file by its path through the mount.</summary>
    public string Mounted(string name) => Path.Combine(MountPoint, name);

    /// <summary>Serves the share in the foreground.</summary>
    public ChildProcess Serve(params ReadOnlySpan<string> arguments) =>
        ChildProcess.Start(Daemon.Program, ["mount", "--foreground", .. arguments, Share, MountPoint], readyText: "Mounted on");

    /// <summary>Mounts the share and returns as a shell would.</summary>
    public (int ExitCode, string Output, string Error) MountInBackground(params ReadOnlySpan<string> arguments) =>
        Daemon.Run(["mount", "--log-file", LogFile, .. arguments, Share, MountPoint]);

    public (int ExitCode, string Output, string Error) Unmount(params ReadOnlySpan<string> arguments) => Daemon.Run(["umount", .. arguments, MountPoint]);

    public void Dispose()
    {
        // A server ends with its mount, and one that was killed leaves its own behind.
        while (Mount is not null && Mounting.Unmount(MountPoint, Mounting.MNT_DETACH) == 0)
        {
        }
        _directory.Dispose();
    }
}
