using System.Diagnostics;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Store;

/// <summary>A tmpfs of a few pages, mounted for one test.</summary>
sealed class SmallDisk : IDisposable
{
    public SmallDisk(string size)
    {
        if (!Run("mount", "-t", "tmpfs", "-o", $"size={size},mode=0700", "vfs-small-disk", Path))
            throw new InvalidOperationException("a tmpfs could not be mounted");
    }

    public string Path { get; } = Directory.CreateTempSubdirectory("vfs-disk").FullName;

    public void MakeReadOnly()
    {
        if (!Run("mount", "-o", "remount,ro", Path)) throw new InvalidOperationException("the tmpfs could not be made read-only");
    }

    public void Dispose()
    {
        Run("umount", Path);
        Directory.Delete(Path);
    }

    static bool Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        return process.ExitCode == 0;
    }

    /// <summary>A fact that mounts: skipped for ordinary users, but not in CI.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    public sealed class FactAttribute : Xunit.FactAttribute
    {
        public FactAttribute() => Skip = TestNeeds.Root;
    }
}
