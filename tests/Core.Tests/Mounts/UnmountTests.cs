using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Mounts;

/// <summary>Mounting and unmounting under a guest that is using the session.</summary>
public sealed class UnmountTests : IDisposable
{
    static readonly TimeSpan s_soon = TimeSpan.FromSeconds(20);
    readonly Router _router = Router.Pseudo();
    readonly MemoryFileSystem _files = new();
    readonly ServerHost _host;
    readonly VirtualMachine _machine;

    public UnmountTests()
    {
        _files.AddFile("dir/file", "content");
        _router.Add("/rafs/one/lowerdir", _files);
        _router.Add("/containers", new MemoryFileSystem());
        _host = new ServerHost(_router);
        _machine = _host.Mount();
    }

    FuseClient Fuse => _machine.Fuse;

    public void Dispose()
    {
        _machine.Dispose();
        _host.Dispose();
    }

    [Fact]
    public void A_mount_made_under_a_live_guest_is_there_at_once()
    {
        var files = new MemoryFileSystem();
        files.AddFile("f", "new");

        _router.Add("/rafs/two/lowerdir", files);

        Assert.Equal("new"u8, Fuse.ReadFile("rafs/two/lowerdir/f"));
        Assert.Equal(["one", "two"], Names("rafs"));
    }

    [Fact]
    public void An_unmounted_tree_is_gone_with_the_directories_that_led_to_it()
    {
        _ = Remove("/rafs/one/lowerdir");

        Assert.Equal((int)Errno.ENOENT, Fuse.Lookup(FuseClient.Root, "rafs"u8).Error);
        Assert.Equal(["containers"], Names("/"));
    }

    [Fact]
    public void Directories_that_lead_to_other_mounts_stay_what_they_were()
    {
        _router.Add("/rafs/two/lowerdir", new MemoryFileSystem());
        var before = Fuse.Walk("rafs").NodeId;

        _ = Remove("/rafs/one/lowerdir");

        Assert.Equal(before, Fuse.Walk("rafs").NodeId);
        Assert.Equal(["two"], Names("rafs"));
    }

    [Fact]
    public void All_of_an_unmounted_tree_is_stale()
    {
        var file = Fuse.Walk("rafs/one/lowerdir/dir/file").NodeId;
        var directory = Fuse.Walk("rafs/one/lowerdir/dir").NodeId;
        var leading = Fuse.Walk("rafs/one").NodeId;

        _ = Remove("/rafs/one/lowerdir");

        Assert.Equal((int)Errno.ESTALE, Fuse.GetAttr(file).Error);
        Assert.Equal((int)Errno.ESTALE, Fuse.Open(file).Error);
        Assert.Equal((int)Errno.ESTALE, Fuse.Lookup(directory, "file"u8).Error);
        Assert.Equal((int)Errno.ESTALE, Fuse.MkDir(directory, "new"u8).Error);
        Assert.Equal((int)Errno.ESTALE, Fuse.GetAttr(leading).Error);
    }

    [Fact]
    public async Task An_unmounted_tree_that_nobody_uses_is_closed()
    {
        _ = Fuse.ReadFile("rafs/one/lowerdir/dir/file");

        await Remove("/rafs/one/lowerdir").Ended.WaitAsync(s_soon);

        Assert.True(_files.IsDisposed);
        Assert.Equal(["/", "/containers"], _router.Mounts.Select(mount => mount.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task An_open_file_works_until_it_is_closed()
    {
        var file = Fuse.Walk("rafs/one/lowerdir/dir/file").NodeId;
        var handle = Fuse.Open(file, 2).Value.Fh;

        var mount = Remove("/rafs/one/lowerdir");

        Assert.Equal("content"u8, Fuse.Read(file, handle, 0, 100).Value);
        Assert.Equal(0, Fuse.Write(file, handle, 0, "CON"u8).Error);
        Assert.Equal(7UL, Fuse.GetAttr(file).Value.Attr.Size);
        Assert.Equal((int)Errno.ESTALE, Fuse.Open(file).Error);
        Assert.True(mount.IsBusy);
        Assert.False(_files.IsDisposed);

        Assert.Equal(0, Fuse.Release(file, handle));
        await mount.Ended.WaitAsync(s_soon);
        Assert.True(_files.IsDisposed);
        Assert.Equal((int)Errno.ESTALE, Fuse.GetAttr(file).Error);
        Assert.Equal((int)Errno.ESTALE, Fuse.Read(file, handle, 0, 100).Error);
    }

    [Fact]
    public async Task An_open_directory_is_read_until_it_is_closed()
    {
        var directory = Fuse.Walk("rafs/one/lowerdir/dir").NodeId;
        var handle = Fuse.OpenDir(directory).Value.Fh;

        var mount = Remove("/rafs/one/lowerdir");

        Assert.Equal(["file"], Fuse.ReadDir(directory, handle, 0).Value.Where(entry => !entry.IsDots).Select(entry => entry.Text));
        Assert.Equal((int)Errno.ESTALE, Fuse.Lookup(directory, "file"u8).Error);
        Assert.Equal(0, Fuse.ReleaseDir(directory, handle));
        await mount.Ended.WaitAsync(s_soon);
    }

    [Fact]
    public async Task The_last_of_several_handles_ends_it()
    {
        var file = Fuse.Walk("rafs/one/lowerdir/dir/file").NodeId;
        var first = Fuse.Open(file).Value.Fh;
        var second = Fuse.Open(file).Value.Fh;
        var made = Fuse.Create(Fuse.Walk("rafs/one/lowerdir/dir").NodeId, "made"u8, 2).Value;
        var mount = Remove("/rafs/one/lowerdir");

        Assert.Equal(0, Fuse.Release(file, second));
        Assert.Equal(0, Fuse.Release(made.Entry.NodeId, made.Open.Fh));
        Assert.Equal("content"u8, Fuse.Read(file, first, 0, 100).Value);
        Assert.Equal(0, Fuse.Release(file, first));

        await mount.Ended.WaitAsync(s_soon);
    }

    [Fact]
    public async Task An_open_that_failed_keeps_nothing()
    {
        var file = Fuse.Walk("rafs/one/lowerdir/dir/file").NodeId;
        using (_files.Intercept(MemoryOperation.Open, OperationGate.Fail(Errno.EACCES)))
            Assert.Equal((int)Errno.EACCES, Fuse.Open(file).Error);
        Assert.NotEqual(0, Fuse.Release(file, 4711));

        await Remove("/rafs/one/lowerdir").Ended.WaitAsync(s_soon);
    }

    [Fact]
    public async Task Closing_what_was_never_opened_does_not_end_a_mount_that_is_in_use()
    {
        var file = Fuse.Walk("rafs/one/lowerdir/dir/file").NodeId;
        var handle = Fuse.Open(file).Value.Fh;
        Assert.Equal((int)Errno.EBADF, Fuse.Release(file, handle + 1000));
        var mount = Remove("/rafs/one/lowerdir");
        Assert.Equal((int)Errno.EBADF, Fuse.Release(file, handle + 1000));

        Assert.Equal("content"u8, Fuse.Read(file, handle, 0, 100).Value);
        Assert.Equal(0, Fuse.Release(file, handle));
        await mount.Ended.WaitAsync(s_soon);
    }

    [Fact]
    public async Task A_request_that_waits_keeps_the_file_system_open_until_it_is_answered()
    {
        var file = Fuse.Walk("rafs/one/lowerdir/dir/file").NodeId;
        using var gate = _files.Hold(MemoryOperation.GetAttributes);
        Fuse.Requests.Post(Fuse.BeginGetAttr(file));
        Fuse.Requests.Notify();
        gate.WaitForArrivals();

        var mount = Remove("/rafs/one/lowerdir");

        Assert.False(mount.Ended.IsCompleted);
        Assert.False(_files.IsDisposed);
        Assert.Equal((int)Errno.ESTALE, Fuse.GetAttr(file).Error);
        gate.Release();
        await mount.Ended.WaitAsync(s_soon);
        Assert.Equal(0, Fuse.Requests.Wait().Error);
    }

    [Fact]
    public void Lookups_of_an_unmounted_tree_are_given_back_to_nobody()
    {
        var file = Fuse.Walk("rafs/one/lowerdir/dir/file").NodeId;
        _ = Remove("/rafs/one/lowerdir");

        Fuse.Forget(file, 1);
        Fuse.BatchForget(new Driver.Fuse.Wire.FuseForgetOne { NodeId = file, Nlookup = 1 });

        Assert.Equal(0, Fuse.GetAttr(FuseClient.Root).Error);
        Assert.Equal(0, _files.Calls(MemoryOperation.Forget));
    }

    [Fact]
    public void A_mount_at_the_same_place_is_another_one()
    {
        var old = Fuse.Walk("rafs/one/lowerdir/dir/file");
        _ = Remove("/rafs/one/lowerdir");
        var files = new MemoryFileSystem();
        files.AddFile("dir/file", "other");
        _router.Add("/rafs/one/lowerdir", files);

        var now = Fuse.Walk("rafs/one/lowerdir/dir/file");

        Assert.NotEqual(old.NodeId, now.NodeId);
        Assert.NotEqual(old.Attr.Ino, now.Attr.Ino);
        Assert.Equal((int)Errno.ESTALE, Fuse.GetAttr(old.NodeId).Error);
        Assert.Equal("other"u8, Fuse.ReadFile("rafs/one/lowerdir/dir/file"));
    }

    [Fact]
    public void A_place_can_be_mounted_on_again_while_the_old_tree_is_in_use()
    {
        var file = Fuse.Walk("rafs/one/lowerdir/dir/file").NodeId;
        var handle = Fuse.Open(file).Value.Fh;
        _ = Remove("/rafs/one/lowerdir");
        var files = new MemoryFileSystem();
        files.AddFile("new", "other");

        _router.Add("/rafs/one/lowerdir", files);

        Assert.Equal("other"u8, Fuse.ReadFile("rafs/one/lowerdir/new"));
        Assert.Equal("content"u8, Fuse.Read(file, handle, 0, 100).Value);
    }

    [Fact]
    public void What_is_not_mounted_cannot_be_unmounted()
    {
        foreach (var path in (string[])["/rafs", "/rafs/one", "/rafs/one/lowerdir/dir", "/nothing"])
            Assert.Equal(MountFailure.NotFound, Assert.Throws<MountException>(() => Remove(path)).Failure);
        _ = Remove("/rafs/one/lowerdir");
        Assert.Equal(MountFailure.NotFound, Assert.Throws<MountException>(() => Remove("/rafs/one/lowerdir")).Failure);
    }

    [Fact]
    public async Task The_end_of_the_session_ends_what_was_still_open_in_unmounted_trees()
    {
        _ = Fuse.Open(Fuse.Walk("rafs/one/lowerdir/dir/file").NodeId);
        var mount = Remove("/rafs/one/lowerdir");

        _ = Fuse.Init();

        await mount.Ended.WaitAsync(s_soon);
        Assert.True(_files.IsDisposed);
    }

    [Fact]
    public void A_listing_goes_on_where_it_was_whatever_was_mounted_and_unmounted_meanwhile()
    {
        for (var i = 0; i < 6; i++)
            _router.Add($"/list/{i}", new MemoryFileSystem());
        var list = Fuse.Walk("list").NodeId;
        var handle = Fuse.OpenDir(list).Value.Fh;
        var first = Fuse.ReadDir(list, handle, 0, 5 * 32).Value;
        Assert.Equal([".", "..", "0", "1", "2"], first.Select(entry => entry.Text));

        _ = Remove("/list/0");
        _ = Remove("/list/2");
        _ = Remove("/list/4");
        _router.Add("/list/0", new MemoryFileSystem());

        Assert.Equal(["3", "5", "0"], Fuse.ReadDir(list, handle, first[^1].Offset).Value.Select(entry => entry.Text));
    }

    [Fact]
    public async Task A_full_table_refuses_the_next_until_one_is_gone()
    {
        var router = Router.Pseudo(limit: 2);
        router.Add("/a", new MemoryFileSystem());
        router.Add("/b", new MemoryFileSystem());

        Assert.Equal(MountFailure.TooMany, Assert.Throws<MountException>(() => router.Add("/c", new MemoryFileSystem())).Failure);
        await router.Remove(MountPath.Parse("/a")).Ended.WaitAsync(s_soon);
        router.Add("/c", new MemoryFileSystem());
    }

    [Fact]
    public async Task Mounting_again_and_again_leaves_nothing_behind()
    {
        var files = Fuse.StatFs().Value.Files;
        var mounted = new List<WeakReference>();
        for (var i = 0; i < 1000; i++)
            mounted.Add(await MountAndUnmount($"/rafs/{i}/lowerdir"));

        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();

        // The last may still be on its way out of some thread's hands.
        Assert.InRange(mounted.Count(one => one.IsAlive), 0, 10);
        Assert.Equal(["/", "/containers", "/rafs/one/lowerdir"], _router.Mounts.Select(mount => mount.Path).Order(StringComparer.Ordinal));
        Assert.Equal(files, Fuse.StatFs().Value.Files);
    }

    async Task<WeakReference> MountAndUnmount(string path)
    {
        var files = new MemoryFileSystem();
        _router.Add(path, files);
        await Remove(path).Ended;
        return new WeakReference(files);
    }

    Mount Remove(string path) => _router.Remove(MountPath.Parse(path));

    string[] Names(string path) => [.. Fuse.ListDirectory(path).Where(entry => !entry.IsDots).Select(entry => entry.Text).Order(StringComparer.Ordinal)];
}
