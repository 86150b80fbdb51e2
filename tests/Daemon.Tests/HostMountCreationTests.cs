using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>What this host's own kernel sends along with a creation, and what it clears at a change: on a mounted directory.</summary>
public sealed class HostMountCreationTests : IDisposable
{
    const uint User = 4711;
    const uint Group = 5000;
    const UnixFileMode Privileged = (UnixFileMode)0xDED; // 06755

    readonly MountedShare _share = new();

    public void Dispose() => _share.Dispose();

    [HostMountFact]
    public void The_kernels_security_contexts_are_understood()
    {
        using var daemon = _share.Serve("--security-label", "--log-level=debug");

        File.WriteAllText(_share["mnt/file"], "content");
        Directory.CreateDirectory(_share["mnt/directory"]);
        File.CreateSymbolicLink(_share["mnt/link"], "target");

        Assert.Contains("SECURITY_CTX", daemon.ErrorText, StringComparison.Ordinal);
        Assert.Equal("content", File.ReadAllText(_share["share/file"]));
        Assert.True(Directory.Exists(_share["share/directory"]));
        Assert.Equal("target", new FileInfo(_share["share/link"]).LinkTarget);
    }

    [HostMountFact]
    public void A_supplementary_group_keeps_setgid_in_its_share()
    {
        using var daemon = _share.Serve();
        var directory = _share["mnt/directory"];
        Directory.CreateDirectory(directory);
        Assert.Equal(0, OtherUser.Own(directory, User, Group));
        File.SetUnixFileMode(directory, (UnixFileMode)0x5FF);

        // Root's file, in a group it is not in, would lose setgid unless the kernel's CREATE_SUPP_GROUP reached the creation.
        Directory.CreateDirectory(Path.Combine(directory, "warm-up"));
        OtherUser.Run(User, User, [Group], 0, () => Make(Path.Combine(directory, "member")));
        OtherUser.Run(User + 1, User + 1, [], 0, () => Make(Path.Combine(directory, "stranger")));

        Assert.Equal((UnixFileMode)0x5ED, File.GetUnixFileMode(Path.Combine(_share["share/directory"], "member")));
        Assert.Equal((UnixFileMode)0x1ED, File.GetUnixFileMode(Path.Combine(_share["share/directory"], "stranger")));
    }

    [HostMountFact]
    public void A_write_clears_setuid_and_setgid_with_killpriv_v2() => WriteClearsPrivileges("--killpriv-v2");

    [HostMountFact]
    public void A_write_clears_setuid_and_setgid_without_killpriv_v2() => WriteClearsPrivileges("--xattr");

    [HostMountFact]
    public void Root_keeps_setuid_and_setgid_with_killpriv_v2() => RootKeepsPrivileges("--killpriv-v2");

    [HostMountFact]
    public void Root_keeps_setuid_and_setgid_without_killpriv_v2() => RootKeepsPrivileges("--xattr");

    static int Make(string path)
    {
        using var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = (UnixFileMode)0x5ED,
        });
        return 0;
    }

    void WriteClearsPrivileges(string option)
    {
        using var daemon = _share.Serve(option);
        foreach (var change in new Action<string>[]
        {
            path => File.AppendAllText(path, "x"),
            path => File.WriteAllText(path, "truncated"),
            path => OpenForWriting(path, file => file.SetLength(1)),
            path => OpenForWriting(path, file => Assert.Equal(0, FileSpace.Allocate((int)file.SafeFileHandle.DangerousGetHandle(), 0, 0, 8192))),
        })
        {
            MakePrivileged();

            OtherUser.Run(User, () => change(_share["mnt/program"]));

            Assert.Equal((UnixFileMode)0x1FF, File.GetUnixFileMode(_share["share/program"]));
        }
    }

    void RootKeepsPrivileges(string option)
    {
        using var daemon = _share.Serve(option);
        MakePrivileged();

        File.AppendAllText(_share["mnt/program"], "x");
        OpenForWriting(_share["mnt/program"], file => file.SetLength(1));

        Assert.Equal(Privileged | (UnixFileMode)0x1FF, File.GetUnixFileMode(_share["share/program"]));
    }

    static void OpenForWriting(string path, Action<FileStream> action)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write);
        action(file);
    }

    void MakePrivileged()
    {
        // Anew each time: what the kernel remembers of the file before would hide what it is now.
        File.Delete(_share["mnt/program"]);
        File.WriteAllText(_share["mnt/program"], "content");
        File.SetUnixFileMode(_share["mnt/program"], Privileged | (UnixFileMode)0x1FF);
    }
}
