using System.Text;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Core.Tests.Mounts;

/// <summary>Several file systems in one session, below a pseudo root.</summary>
public sealed class PseudoRootTests : IDisposable
{
    readonly ServerHost _host;
    readonly Driver.Vmm.VirtualMachine _machine;

    public PseudoRootTests()
    {
        var router = Router.Pseudo();
        router.Add("/images/web", new MemoryFileSystem());
        router.Add("/images/db", new MemoryFileSystem());
        router.Add("/data", new MemoryFileSystem());
        _host = new ServerHost(router);
        _machine = _host.Mount();
    }

    FuseClient Fuse => _machine.Fuse;

    public void Dispose()
    {
        _machine.Dispose();
        _host.Dispose();
    }

    [Fact]
    public void Mount_points_are_listed_where_they_are()
    {
        Assert.Equal(["data", "images"], Names(FuseClient.Root));
        Assert.Equal(["db", "web"], Names(Fuse.Walk("/images").NodeId));
    }

    [Fact]
    public void Mounts_are_separate_file_systems()
    {
        Fuse.WriteFile(Fuse.Walk("/images/web").NodeId, "index"u8, "web"u8);
        Fuse.WriteFile(Fuse.Walk("/data").NodeId, "index"u8, "data"u8);

        Assert.Equal("web", Encoding.UTF8.GetString(Fuse.ReadFile("/images/web/index")));
        Assert.Equal("data", Encoding.UTF8.GetString(Fuse.ReadFile("/data/index")));
        Assert.Empty(Names(Fuse.Walk("/images/db").NodeId));
    }

    [Fact]
    public void Node_ids_and_inode_numbers_differ_between_mounts()
    {
        var web = Fuse.WriteFile(Fuse.Walk("/images/web").NodeId, "f"u8, "x"u8);
        var data = Fuse.WriteFile(Fuse.Walk("/data").NodeId, "f"u8, "x"u8);

        Assert.NotEqual(web.NodeId, data.NodeId);
        Assert.NotEqual(web.Attr.Ino, data.Attr.Ino);
        Assert.NotEqual(Fuse.Walk("/images/web").Attr.Ino, Fuse.Walk("/images/db").Attr.Ino);
    }

    [Fact]
    public void Pseudo_entries_and_mount_roots_are_never_cached_by_name()
    {
        foreach (var path in (string[])["/images", "/images/web", "/data"])
        {
            var entry = Fuse.Walk(path);
            Assert.Equal((0UL, 0U), (entry.EntryValid, entry.EntryValidNsec));
        }
    }

    [Fact]
    public void A_missing_name_in_the_pseudo_root_is_not_remembered() =>
        Assert.Equal((int)Errno.ENOENT, Fuse.Lookup(FuseClient.Root, "nothing"u8).Error);

    [Fact]
    public void Nothing_can_be_made_in_the_pseudo_root()
    {
        Assert.Equal((int)Errno.EROFS, Fuse.MkDir(FuseClient.Root, "new"u8).Error);
        Assert.Equal((int)Errno.EROFS, Fuse.RmDir(FuseClient.Root, "images"u8));
    }

    [Fact]
    public void Rename_and_link_across_mounts_are_refused()
    {
        var web = Fuse.Walk("/images/web").NodeId;
        var data = Fuse.Walk("/data").NodeId;
        var file = Fuse.WriteFile(web, "f"u8, "x"u8).NodeId;

        Assert.Equal((int)Errno.EXDEV, Fuse.Rename(web, "f"u8, data, "f"u8));
        Assert.Equal((int)Errno.EXDEV, Fuse.Link(file, data, "f"u8).Error);
    }

    [Fact]
    public void A_node_of_a_mount_that_never_was_is_stale() =>
        Assert.Equal((int)Errno.ESTALE, Fuse.GetAttr((77UL << Mount.IndexShift) | 1).Error);

    [Theory]
    [InlineData("relative", MountFailure.Invalid)]
    [InlineData("", MountFailure.Invalid)]
    [InlineData("/", MountFailure.Invalid)]
    [InlineData("//", MountFailure.Invalid)]
    [InlineData("/a/../b", MountFailure.Invalid)]
    [InlineData("/a/./b", MountFailure.Invalid)]
    [InlineData("/a\0b", MountFailure.Invalid)]
    [InlineData("/images", MountFailure.Exists)]
    [InlineData("/images/web", MountFailure.Exists)]
    [InlineData("//images///web/", MountFailure.Exists)]
    [InlineData("/images/web/below", MountFailure.Exists)]
    public void A_mount_point_that_cannot_be_is_refused(string path, MountFailure failure)
    {
        var router = Router.Pseudo();
        router.Add("/images/web", new MemoryFileSystem());

        Assert.Equal(failure, Assert.Throws<MountException>(() => router.Add(path, new MemoryFileSystem())).Failure);
        Assert.Equal(["/", "/images/web"], router.Mounts.Select(mount => mount.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_name_or_path_that_no_system_call_takes_is_refused()
    {
        Assert.Throws<MountException>(() => MountPath.Parse("/" + new string('n', 256)));
        Assert.Throws<MountException>(() => MountPath.Parse(string.Concat(Enumerable.Repeat("/ab", 2000))));
        Assert.Equal("/" + new string('n', 255), MountPath.Parse("/" + new string('n', 255)).Text);
    }

    string[] Names(ulong directory) => [.. Fuse.ListDirectory(directory).Where(entry => !entry.IsDots).Select(entry => entry.Text).Order(StringComparer.Ordinal)];
}
