using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Posix;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>
/// A directory of the kind that a target wants: a tmpfs, or an ext4 in a file on one, so that no disk makes the rules slow and
/// the kind does not depend on the machine.
/// </summary>
sealed class PosixBacking : IDisposable
{
    readonly List<string> _mounted = [];

    public PosixBacking(string place, PosixTarget target)
    {
        try
        {
            Directory = Mount(place, "tmpfs", "mode=0755", "none");
            if (!target.OnExt4)
                return;
            var image = Path.Combine(Directory, "image");
            using (var file = File.Create(image))
                file.SetLength(2L << 30);
            Run("mkfs.ext4", "-q", image);
            Directory = Mount(place, "ext4", "loop", image);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Directory { get; }

    public void Dispose()
    {
        for (var i = _mounted.Count - 1; i >= 0; i--)
            _ = Mounting.Unmount(_mounted[i], Mounting.MNT_DETACH);
    }

    string Mount(string place, string type, string options, string source)
    {
        var directory = System.IO.Directory.CreateDirectory(Path.Combine(place, type)).FullName;
        Run("mount", "-t", type, "-o", options, source, directory);
        _mounted.Add(directory);
        return directory;
    }

    static void Run(string program, params string[] arguments)
    {
        using var child = ChildProcess.Launch(program, arguments);
        Assert.True(child.WaitForExit(TimeSpan.FromMinutes(1)) && child.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {child.ErrorText}");
    }
}
