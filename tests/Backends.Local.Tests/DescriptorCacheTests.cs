using VirtioFsStore.Backends.Local.Inodes;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Local.Tests;

public sealed unsafe class DescriptorCacheTests : IDisposable
{
    readonly DescriptorBudget _budget = new(32);
    readonly MountTable _mounts = new(new InodeNumbers(), FileHandleMode.Never, -1);
    readonly InodeTable _inodes;

    public DescriptorCacheTests()
    {
        _inodes = new InodeTable(_mounts, _budget, 10);
        _inodes.InsertRoot(new NewInode { Ino = 1, Fd = -1, CachePosition = -1 });
    }

    public void Dispose()
    {
        _inodes.Dispose();
        _mounts.Dispose();
    }

    [Fact]
    public void A_descriptor_pinned_between_its_opening_and_its_commit_stays()
    {
        var position = Insert(ino: 5);
        using (var inode = _inodes.AcquireKnown(0, 5, 0))
        {
            // Another queue removes the file's last name before the one that opened the descriptor goes on.
            _inodes.Cache.Pin(inode.Slot);
            _inodes.Cache.Commit(inode.Slot, inode.Index, position);
            inode.Slot->Recent = false;
        }

        Assert.False(_inodes.Cache.TryEvict());
        using var after = _inodes.AcquireKnown(0, 5, 0);
        Assert.Equal(Errno.None, after.Error);
        Assert.Equal(position, Insert(ino: 6));
        Assert.True(_inodes.Cache.TryEvict());
        Assert.Equal(1, _inodes.Cache.Count);
    }

    [Fact]
    public void A_published_descriptor_can_be_pinned_at_once_and_is_published_once()
    {
        var other = Insert(ino: 5);
        Assert.Equal(Errno.None, _inodes.Insert(new NewInode { Ino = 6, Fd = -1, CachePosition = -1 }, out var match));
        using var inode = _inodes.Acquire(match.Node, needDescriptor: false);
        var (position, late) = (_inodes.Cache.Reserve(), _inodes.Cache.Reserve());
        var fd = Open();

        Assert.True(_inodes.Cache.Publish(inode.Slot, inode.Index, fd, position));
        Assert.False(_inodes.Cache.Publish(inode.Slot, inode.Index, fd + 1, late));
        _inodes.Cache.Pin(inode.Slot);
        _inodes.Cache.Release(late);

        Assert.NotEqual(other, position);
        Assert.Equal(fd, InodeWord.Descriptor(inode.Slot->Word));
        Assert.Equal(2, _inodes.Cache.Count);
        // The other file's place in the clock is untouched, and the only one.
        Assert.True(_inodes.Cache.TryEvict());
        Assert.False(_inodes.Cache.TryEvict());
    }

    static int Open()
    {
        var fd = Descriptors.Open("/", OpenFlags.O_PATH);
        Assert.True(fd >= 0);
        return fd;
    }

    /// <summary>An inode with a descriptor in the cache. Returns its position.</summary>
    int Insert(ulong ino)
    {
        var position = _inodes.Cache.Reserve();
        Assert.Equal(Errno.None, _inodes.Insert(new NewInode { Ino = ino, Fd = Open(), CachePosition = position }, out _));
        return position;
    }
}
