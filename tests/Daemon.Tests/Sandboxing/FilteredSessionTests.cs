using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Sandboxing;

/// <summary>Every kind of request is served by a program under the filter, which would end it at any call that was forgotten.</summary>
public sealed class FilteredSessionTests : IDisposable
{
    const uint O_RDWR = 2;
    const uint RENAME_NOREPLACE = 1;
    const uint RENAME_EXCHANGE = 2;
    const uint FALLOC_FL_PUNCH_HOLE_KEEP_SIZE = 3;
    const uint S_IFIFO = 0x1000;
    const uint SEEK_DATA = 3;

    static readonly TimeSpan s_end = TimeSpan.FromSeconds(60);
    static readonly FuseFileLock s_write = new() { Start = 0, End = 9, Type = 1 };
    static readonly FuseFileLock s_unlock = new() { Start = 0, End = 9, Type = 2 };

    readonly TemporaryDirectory _directory = new();

    string Socket => _directory["vfs.sock"];

    public void Dispose() => _directory.Dispose();

    [RootTheory]
    [InlineData("never")]
    [InlineData("prefer")]
    [InlineData("mandatory")]
    public void A_directory(string handles)
    {
        var share = Directory.CreateDirectory(_directory["share"]).FullName;
        // For whatever caller.
        File.SetUnixFileMode(share, (UnixFileMode)0x1FF);
        using var daemon = Daemon.Serve(
            Socket, share, "--xattr", "--modcaps=+sys_admin", "--posix-acl=auto", "--security-label=auto", "--posix-lock", "--flock", "--inode-file-handles", handles, "--log-level", "debug");
        using (var machine = VirtualMachine.Mount(Socket))
        {
            ChangeNames(machine.Fuse);
            UseFile(machine.Fuse);
            UseInode(machine.Fuse);
            List(machine.Fuse);
            machine.Fuse.Caller = new FuseCaller(1000, 1000);
            ChangeNames(machine.Fuse);
            AssertFiltered(daemon);
        }

        Assert.True(daemon.WaitForExit(s_end), daemon.ErrorText);
        Assert.True(daemon.ExitCode == 0, daemon.ErrorText);
    }

    [Fact]
    public void An_image()
    {
        TinyImage.Create(_directory["image"], new Dictionary<string, byte[]> { ["etc/data"] = new byte[200_000], ["hello"] = "text"u8.ToArray() }, ("user.a", "b"u8.ToArray()));
        using var daemon = Daemon.Serve(Socket, $"oci:{_directory["image"]}:latest", "--store", _directory["store"], "--log-level", "debug");
        using (var machine = VirtualMachine.Mount(Socket))
        {
            var fuse = machine.Fuse;
            Assert.Equal(200_000, fuse.ReadFile("etc/data").Length);
            List(fuse);
            var node = fuse.Walk("hello").NodeId;
            Done(fuse.Access(node, 4));
            Done(fuse.Statx(node).Error);
            Assert.Equal("b"u8, fuse.GetXattr(node, "user.a"u8).Value);
            Done(fuse.ListXattr(node).Error);
            Done(fuse.StatFs().Error);
            Assert.Equal((int)Errno.EROFS, fuse.MkDir(FuseClient.Root, "no"u8).Error);
            fuse.Forget(node, 1);
            AssertFiltered(daemon);
        }

        Assert.True(daemon.WaitForExit(s_end), daemon.ErrorText);
        Assert.True(daemon.ExitCode == 0, daemon.ErrorText);
    }

    static void ChangeNames(FuseClient fuse)
    {
        var root = FuseClient.Root;
        var directory = fuse.MkDir(root, "d"u8).Value.NodeId;
        var made = fuse.Create(directory, "f"u8, O_RDWR).Value;
        Done(fuse.Release(made.Entry.NodeId, made.Open.Fh));
        Done(fuse.Symlink(directory, "s"u8, "f"u8).Error);
        Assert.Equal("f"u8, fuse.ReadLink(fuse.Lookup(directory, "s"u8).Value.NodeId).Value);
        Done(fuse.MkNod(directory, "p"u8, S_IFIFO | 0x1A4).Error);
        Done(fuse.Link(made.Entry.NodeId, directory, "l"u8).Error);
        Done(fuse.Rename(directory, "l"u8, directory, "m"u8));
        Done(fuse.Rename2(directory, "m"u8, directory, "n"u8, RENAME_NOREPLACE));
        Done(fuse.Rename2(directory, "n"u8, directory, "f"u8, RENAME_EXCHANGE));
        foreach (var name in (string[])["f", "n", "s", "p"])
            Done(fuse.Unlink(directory, System.Text.Encoding.UTF8.GetBytes(name)));
        Done(fuse.RmDir(root, "d"u8));
        fuse.BatchForget(new FuseForgetOne { NodeId = directory, Nlookup = 1 }, new FuseForgetOne { NodeId = made.Entry.NodeId, Nlookup = 1 });
    }

    static void UseFile(FuseClient fuse)
    {
        var made = fuse.Create(FuseClient.Root, "file"u8, O_RDWR).Value;
        var (node, handle) = (made.Entry.NodeId, made.Open.Fh);
        Assert.Equal(10u, fuse.Write(node, handle, 0, "0123456789"u8).Value.Size);
        Assert.Equal("0123456789"u8, fuse.Read(node, handle, 0, 100).Value);
        Done(fuse.Fallocate(node, handle, 0, 1 << 20));
        Done(fuse.Fallocate(node, handle, 8192, 8192, FALLOC_FL_PUNCH_HOLE_KEEP_SIZE));
        Done(fuse.Lseek(node, handle, 0, SEEK_DATA).Error);
        Done(fuse.CopyFileRange(node, handle, 0, node, handle, 65536, 10).Error);
        Done(fuse.CopyFileRange64(node, handle, 0, node, handle, 65536, 10).Error);
        Done(fuse.GetLk(node, handle, 1, s_write).Error);
        Done(fuse.SetLk(node, handle, 1, s_write));
        Done(fuse.SetLkw(node, handle, 1, s_unlock));
        Done(fuse.SetLk(node, handle, 1, s_write, flock: true));
        Done(fuse.Flush(node, handle, 1));
        Done(fuse.Fsync(node, handle));
        Done(fuse.Fsync(node, handle, dataOnly: true));
        Done(fuse.Truncate(node, 5).Error);
        Done(fuse.Release(node, handle));
        var opened = fuse.Open(node, O_RDWR).Value;
        Done(fuse.Release(node, opened.Fh));
        Done(fuse.Unlink(FuseClient.Root, "file"u8));
        // Not every file system has files without a name.
        Assert.Contains(fuse.TmpFile(FuseClient.Root, O_RDWR).Error, (int[])[0, (int)Errno.EOPNOTSUPP]);
        foreach (var error in (int[])[fuse.Ioctl(node, handle, 1, [], 0).Error, fuse.Poll(node, handle, 1).Error, fuse.Bmap(node, 0, 4096).Error])
            Assert.Equal((int)Errno.ENOSYS, error);
    }

    static void UseInode(FuseClient fuse)
    {
        var node = fuse.WriteFile(FuseClient.Root, "inode"u8, "x"u8).NodeId;
        Done(fuse.GetAttr(node).Error);
        Done(fuse.Statx(node).Error);
        Done(fuse.ChangeMode(node, 0x1C0).Error);
        // Owner, group, and both times.
        Done(fuse.SetAttr(node, new FuseSetAttrIn { Valid = 0x36, Uid = 1000, Gid = 1000, Atime = 1, Mtime = 2 }).Error);
        Done(fuse.Access(node, 4));
        Done(fuse.StatFs().Error);
        Done(fuse.SyncFs());
        Done(fuse.SetXattr(node, "user.a"u8, "b"u8));
        Done(fuse.SetXattr(node, "trusted.overlay.a"u8, "b"u8));
        Assert.Equal("b"u8, fuse.GetXattr(node, "user.a"u8).Value);
        Done(fuse.ListXattr(node).Error);
        Done(fuse.RemoveXattr(node, "user.a"u8));
        var link = fuse.Symlink(FuseClient.Root, "link"u8, "inode"u8).Value.NodeId;
        Done(fuse.SetXattr(link, "trusted.overlay.a"u8, "b"u8));
        Done(fuse.SetAttr(link, new FuseSetAttrIn { Valid = 6, Uid = 1000, Gid = 1000 }).Error);
    }

    static void List(FuseClient fuse)
    {
        // ENOSYS from a session of images alone: there is nothing to open.
        var opened = fuse.OpenDir(FuseClient.Root);
        Assert.Contains(opened.Error, (int[])[0, (int)Errno.ENOSYS]);
        var handle = opened.Body.Fh;
        Done(fuse.ReadDir(FuseClient.Root, handle, 0).Error);
        Done(fuse.ReadDirPlus(FuseClient.Root, handle, 0).Error);
        Assert.Contains(fuse.FsyncDir(FuseClient.Root, handle), (int[])[0, (int)Errno.ENOSYS]);
        if (opened.Error == 0)
            Done(fuse.ReleaseDir(FuseClient.Root, handle));
    }

    static void AssertFiltered(ChildProcess daemon)
    {
        foreach (var thread in Directory.GetDirectories($"/proc/{ServerProcesses.Of(daemon)}/task"))
            Assert.Contains("Seccomp:\t2", File.ReadAllLines(Path.Combine(thread, "status")));
    }

    static void Done(int error) => Assert.Equal(Errno.None, (Errno)error);
}
