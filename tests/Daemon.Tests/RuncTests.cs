using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.GuestRunner;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>Containers of runc, whose root file system is a mounted image.</summary>
public sealed class RuncTests : IDisposable
{
    readonly MountedShare _share = new();
    readonly string _container = $"vfs-test-{Environment.ProcessId}-{Guid.NewGuid():N}";

    public RuncTests()
    {
        // Directories are what the files in them imply.
        var files = new Dictionary<string, byte[]> { ["bin/busybox"] = [], ["proc/.keep"] = [], ["dev/.keep"] = [], ["etc/greeting"] = "from a layer"u8.ToArray() };
        if (File.Exists(RealParts.Default.BusyBox))
            files["bin/busybox"] = File.ReadAllBytes(RealParts.Default.BusyBox);
        TinyImage.Create(_share["image"], files, mode: (UnixFileMode)0x1ED);
    }

    public void Dispose() => _share.Dispose();

    [RuncFact]
    public void A_container_runs_with_its_root_on_a_mounted_image()
    {
        Mount();

        var (code, output, error) = RunContainer(_share.MountPoint, readOnly: true, "cat /etc/greeting; echo; id -u; touch /etc/new 2>&1 | grep -o Read-only");

        Assert.True(code == 0, error);
        Assert.Equal("from a layer\n0\nRead-only\n", output);
        Assert.Equal(0, _share.Unmount().ExitCode);
    }

    [RuncFact]
    public void A_container_writes_to_an_overlay_over_a_mounted_image()
    {
        Mount();
        foreach (var name in new[] { "upper", "work", "merged" })
            Directory.CreateDirectory(_share[name]);
        SystemCallException.ThrowIfError(
            Mounting.Mount("overlay", _share["merged"], "overlay", MountFlags.None, $"lowerdir={_share.MountPoint},upperdir={_share["upper"]},workdir={_share["work"]}"), "mount", "overlay");
        try
        {
            var (code, output, error) = RunContainer(_share["merged"], readOnly: false, "echo changed > /etc/greeting; cat /etc/greeting");

            Assert.True(code == 0, error);
            Assert.Equal("changed\n", output);
            Assert.Equal("changed\n", File.ReadAllText(_share["upper/etc/greeting"]));
            Assert.Equal("from a layer", File.ReadAllText(_share.Mounted("etc/greeting")));
        }
        finally
        {
            _ = Mounting.Unmount(_share["merged"], Mounting.MNT_DETACH);
        }
    }

    void Mount()
    {
        var (code, _, error) = Daemon.Run("mount", "--log-file", _share.LogFile, "--store", _share["store"], $"oci:{_share["image"]}:latest", _share.MountPoint);
        Assert.True(code == 0, error);
    }

    (int ExitCode, string Output, string Error) RunContainer(string root, bool readOnly, string script)
    {
        var bundle = Directory.CreateDirectory(_share["bundle"]).FullName;
        // runtime-spec: config.json. No network and no cgroup namespace: neither belongs to what is tested.
        File.WriteAllText(Path.Combine(bundle, "config.json"),
            $$$"""
            {"ociVersion":"1.0.2",
            "process":{"user":{"uid":0,"gid":0},"args":["/bin/busybox","sh","-c","{{{script}}}"],"env":["PATH=/bin"],"cwd":"/"},
            "root":{"path":"{{{root}}}","readonly":{{{(readOnly ? "true" : "false")}}}},
            "mounts":[{"destination":"/proc","type":"proc","source":"proc"},{"destination":"/dev","type":"tmpfs","source":"tmpfs"}],
            "linux":{"namespaces":[{"type":"pid"},{"type":"ipc"},{"type":"uts"},{"type":"mount"}]}}
            """);
        using var runc = ChildProcess.Launch(RealParts.Default.Runc, ["--root", _share["runc"], "run", "--bundle", bundle, _container]);
        Assert.True(runc.WaitForExit(TimeSpan.FromSeconds(120)), runc.ErrorText);
        return (runc.ExitCode, runc.OutputText, runc.ErrorText);
    }
}
