using System.Diagnostics;

namespace VirtioFsStore.Guest.Tests;

/// <summary>A directory of a test's own, with a share in it that holds the file from-host.</summary>
sealed class TestDirectory : IDisposable
{
    public const string FromHost = "written by the host\n";

    readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("guest-tests-");

    public TestDirectory()
    {
        Directory.CreateDirectory(Share);
        WriteShared("from-host", FromHost);
        File.SetUnixFileMode(
            Path.Combine(Share, "from-host"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
    }

    public string Root => _directory.FullName;

    public string Share => Path.Combine(Root, "share");

    /// <summary>A new directory beside the share.</summary>
    public string Create(string name) => _directory.CreateSubdirectory(name).FullName;

    public string ReadShared(string name) => File.ReadAllText(Path.Combine(Share, name));

    public void WriteShared(string name, string text) => File.WriteAllText(Path.Combine(Share, name), text);

    public void Dispose()
    {
        // Not Directory.Delete: the guest may have left names that are no UTF-8.
        using var remove = Process.Start("rm", ["-rf", "--", Root]);
        remove.WaitForExit();
    }
}
