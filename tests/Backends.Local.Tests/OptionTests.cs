using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

public sealed class OptionTests
{
    [Theory]
    [InlineData(CacheMode.Never, 0, OpenReplyFlags.DirectIo | OpenReplyFlags.ParallelDirectWrites, OpenReplyFlags.None)]
    [InlineData(CacheMode.Metadata, 86_400, OpenReplyFlags.DirectIo | OpenReplyFlags.ParallelDirectWrites, OpenReplyFlags.KeepCache | OpenReplyFlags.CacheDirectory)]
    [InlineData(CacheMode.Auto, 1, OpenReplyFlags.None, OpenReplyFlags.None)]
    [InlineData(CacheMode.Always, 86_400, OpenReplyFlags.KeepCache, OpenReplyFlags.KeepCache | OpenReplyFlags.CacheDirectory)]
    public void Cache_modes_have_their_timeouts_and_flags(CacheMode mode, int seconds, OpenReplyFlags file, OpenReplyFlags directory)
    {
        using var share = new Share(options => options with { Cache = mode });
        File.WriteAllText(share.Host("file"), "");

        var entry = share.Lookup("file");

        Assert.Equal(new Validity((ulong)seconds), entry.EntryValidity);
        Assert.Equal(new Validity((ulong)seconds), entry.AttributesValidity);
        Assert.Equal(new Validity((ulong)seconds), share.TryAttributes(entry.Node).Value.Validity);
        Assert.Equal(file, share.TryOpen(entry.Node).Value.Flags);
        Assert.Equal(directory, share.FileSystem.OpenDirectoryAsync(share.Request, Share.Root, 0).Now().Value.Flags);
    }

    [Fact]
    public void A_read_only_share_can_be_read_and_not_changed()
    {
        using var writable = new Share(options => options with { Xattr = true });
        File.WriteAllText(writable.Host("file"), "content");
        using var share = new Share(writable.Path, options => options with { ReadOnly = true, Xattr = true });
        var node = share.Lookup("file").Node;
        var handle = share.Open(node);
        var (fileSystem, request) = (share.FileSystem, share.Request);

        Assert.True(fileSystem.Traits.HasFlag(FileSystemTraits.ReadOnly));
        Assert.Equal("content", share.Read(node, handle));
        Assert.Equal("content", share.Read(node, share.Create("file", Share.RDONLY).Open.Handle));
        Errno[] refused =
        [
            share.TryOpen(node, Share.WRONLY).Error,
            share.TryOpen(node, Share.RDWR).Error,
            share.TryOpen(node, Share.RDONLY | OpenFlags.O_TRUNC).Error,
            share.TryCreate("new", Share.RDONLY).Error,
            share.TryCreate("file", Share.RDWR).Error,
            fileSystem.CreateTemporaryAsync(request, Share.Root, default).Now().Error,
            fileSystem.MakeDirectoryAsync(request.Named("new"), Share.Root, 0, 0).Now().Error,
            share.TryMakeNode("new", StatMode.Regular).Error,
            fileSystem.SymbolicLinkAsync(request.Named("new", "target"), Share.Root).Now().Error,
            share.TryLink(node, "new").Error,
            share.Unlink("file"),
            share.RemoveDirectory("file"),
            share.Rename("file", "new"),
            share.TrySet(node, default).Error,
            share.SetXattr(node, "user.a", []),
            fileSystem.RemoveXattrAsync(request.Named("user.a"), node).Now(),
            fileSystem.AllocateAsync(request, node, handle, 0, 1, 0).Now(),
            fileSystem.CopyRangeAsync(request, default).Now().Error,
            fileSystem.AccessAsync(request, node, 2).Now(),
        ];
        Assert.All(refused, error => Assert.Equal(Errno.EROFS, error));
        Assert.Equal(Errno.EBADF, share.TryWrite(node, handle, "x").Error);
        Assert.Equal(["file"], Directory.GetFileSystemEntries(share.Path).Select(Path.GetFileName));
    }

    [RootFact]
    public void Access_is_judged_as_the_caller()
    {
        using var share = new Share();
        var node = share.Create("file", mode: 0x1A0).Entry.Node;
        var access = (uint uid, uint gid, int mask) => share.As(uid, gid).FileSystem.AccessAsync(share.Request, node, mask).Now();

        Assert.Equal(Errno.None, access(0, 0, 6));
        Assert.Equal(Errno.EACCES, access(1000, 1000, 4));
        Assert.Equal(Errno.None, access(1000, 0, 4));
        Assert.Equal(Errno.EACCES, access(1000, 0, 2));
        Assert.Equal(Errno.None, access(1000, 1000, 0));
        Assert.Equal(Errno.EINVAL, access(0, 0, 8));
    }

    [Fact]
    public void O_NOATIME_and_O_DIRECT_pass_only_where_allowed()
    {
        using var strict = new Share();
        File.WriteAllText(strict.Host("strict"), new string('a', 8192));
        File.WriteAllText(strict.Host("open"), new string('a', 8192));
        using var open = new Share(strict.Path, options => options with { AllowDirectIo = true, PreserveNoAtime = true });
        var flags = OpenFlags.O_NOATIME | OpenFlags.O_DIRECT;

        Assert.Equal(0, HostFlagsOf(strict, "strict") & flags);
        Assert.Equal(flags, HostFlagsOf(open, "open") & flags);

        int HostFlagsOf(Share share, string name)
        {
            share.Open(share.Lookup(name).Node, flags);
            // Of all this process's descriptors, the file's: an O_PATH one of the inode and the handle.
            return Directory.GetFiles("/proc/self/fd").Where(link => new FileInfo(link).LinkTarget == share.Host(name))
                .Select(link => File.ReadAllLines($"/proc/self/fdinfo/{Path.GetFileName(link)}"))
                .Select(lines => Convert.ToInt32(lines.Single(line => line.StartsWith("flags:", StringComparison.Ordinal))[6..].Trim(), 8))
                .Single(value => (value & OpenFlags.O_PATH) == 0);
        }
    }

    [Fact]
    public void A_share_that_is_not_there_is_said_so_by_name()
    {
        var error = Assert.Throws<SystemCallException>(() => LocalFileSystem.Open(new LocalOptions { Path = "/no/such/directory" }));

        Assert.Equal(Errno.ENOENT, error.Error);
        Assert.Contains("/no/such/directory", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mandatory_file_handles_on_a_file_system_without_them_are_refused() =>
        Assert.Throws<SystemCallException>(() => LocalFileSystem.Open(new LocalOptions { Path = "/proc", FileHandles = FileHandleMode.Mandatory }));
}
