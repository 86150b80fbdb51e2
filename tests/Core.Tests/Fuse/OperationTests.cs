using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using Xunit;

namespace VirtioFsStore.Core.Tests.Fuse;

/// <summary>Every operation from the guest's bytes to the file system and back.</summary>
public sealed class OperationTests : IDisposable
{
    readonly MountedMemory _mounted = new(
        FileSystemTraits.Xattrs | FileSystemTraits.PosixLocks | FileSystemTraits.Flock, new Core.Fuse.SessionOptions { PosixAcl = Core.Fuse.FeatureMode.Always });

    FuseClient Fuse => _mounted.Fuse;

    MemoryFileSystem Files => _mounted.Files;

    public void Dispose() => _mounted.Dispose();

    [Fact]
    public void Attributes_arrive_field_by_field()
    {
        var node = Files.AddFile("file", new byte[5000], 0x9E4); // setuid and the like
        var changed = Fuse.SetAttr(node, new FuseSetAttrIn
        {
            Valid = 0x436, // UID, GID, ATIME, MTIME, CTIME
            Uid = 3_000_000_000,
            Gid = 2_097_153,
            Atime = 1_000_000_000,
            AtimeNsec = 999_999_999,
            Mtime = unchecked((ulong)-5L),
            MtimeNsec = 7,
            Ctime = 1,
            CtimeNsec = 2,
        }).Value.Attr;

        foreach (var attr in new[] { changed, Fuse.GetAttr(node).Value.Attr, Fuse.Lookup(FuseClient.Root, "file"u8).Value.Attr })
        {
            Assert.Equal(node, attr.Ino);
            Assert.Equal(5000u, attr.Size);
            Assert.Equal(10u, attr.Blocks);
            Assert.Equal(0x89E4u, attr.Mode);
            Assert.Equal(1u, attr.Nlink);
            Assert.Equal(3_000_000_000, attr.Uid);
            Assert.Equal(2_097_153u, attr.Gid);
            Assert.Equal((1_000_000_000UL, 999_999_999u), (attr.Atime, attr.AtimeNsec));
            Assert.Equal((-5L, 7u), ((long)attr.Mtime, attr.MtimeNsec));
            Assert.Equal((1UL, 2u), (attr.Ctime, attr.CtimeNsec));
            Assert.Equal(4096u, attr.BlockSize);
        }
    }

    [Fact]
    public void Statx_tells_what_getattr_tells()
    {
        var node = Files.AddFile("file", "content");
        var attr = Fuse.GetAttr(node).Value.Attr;

        var stat = Fuse.Statx(node).Value.Stat;

        Assert.Equal((attr.Ino, attr.Size, attr.Blocks, attr.Mode), (stat.Ino, stat.Size, stat.Blocks, stat.Mode));
        Assert.Equal((attr.Nlink, attr.Uid, attr.Gid, attr.BlockSize), (stat.Nlink, stat.Uid, stat.Gid, stat.BlockSize));
        Assert.Equal(((long)attr.Mtime, attr.MtimeNsec), (stat.Mtime.Seconds, stat.Mtime.Nanoseconds));
        Assert.Equal(((long)attr.Atime, (long)attr.Ctime), (stat.Atime.Seconds, stat.Ctime.Seconds));
        // STATX_BASIC_STATS, and no birth time where a file system has none.
        Assert.Equal(0x7FFu, stat.Mask & 0xFFF);
    }

    [Fact]
    public void Timeouts_are_the_file_system_s()
    {
        Files.AddFile("file", "content");
        Files.Validity = new Validity(86_400, 500);

        var entry = Fuse.Lookup(FuseClient.Root, "file"u8).Value;

        Assert.Equal((86_400UL, 500u, 86_400UL, 500u), (entry.EntryValid, entry.EntryValidNsec, entry.AttrValid, entry.AttrValidNsec));
        Assert.Equal((86_400UL, 500u), (Fuse.GetAttr(entry.NodeId).Value.AttrValid, Fuse.GetAttr(entry.NodeId).Value.AttrValidNsec));
    }

    [Fact]
    public void Unlimited_validity_is_a_time_that_kernels_can_convert()
    {
        Files.AddFile("file", "content");
        Files.Validity = Validity.Unlimited;

        var entry = Fuse.Lookup(FuseClient.Root, "file"u8).Value;

        // Linux: min(sec, MAX_SEC_IN_JIFFIES); a century is enough, and 2^63 would be asking for trouble elsewhere.
        Assert.InRange(entry.EntryValid, 100UL * 365 * 86_400, 1UL << 40);
    }

    [Fact]
    public void A_negative_entry_has_a_timeout_and_no_node()
    {
        Files.NegativeEntries = true;
        Files.Validity = new Validity(10);

        var entry = Fuse.Lookup(FuseClient.Root, "absent"u8).Value;

        Assert.Equal((0UL, 10UL), (entry.NodeId, entry.EntryValid));
    }

    [Theory]
    [InlineData(8u, 1u)]
    [InlineData(259u, 65_536u)]
    [InlineData(4095u, 1_048_575u)]
    public void Device_numbers_survive_their_packing(uint major, uint minor)
    {
        var packed = (minor & 0xFF) | (major << 8) | ((minor & ~0xFFu) << 12);

        var made = Fuse.MkNod(FuseClient.Root, "device"u8, 0x61B0, packed).Value;

        Assert.Equal(packed, made.Attr.Rdev);
        Assert.Equal((major, minor), (Fuse.Statx(made.NodeId).Value.Stat.RdevMajor, Fuse.Statx(made.NodeId).Value.Stat.RdevMinor));
        Assert.Equal(0x61B0u, made.Attr.Mode);
    }

    [Fact]
    public void The_umask_is_left_to_the_file_system_only_with_DONT_MASK()
    {
        Assert.Equal(0x41C0u, Fuse.MkDir(FuseClient.Root, "masked"u8, 0x1FF, 0x3F).Value.Attr.Mode);
        using var without = new MountedMemory();
        Assert.Equal(0x41FFu, without.Fuse.MkDir(FuseClient.Root, "given"u8, 0x1FF, 0x3F).Value.Attr.Mode);
    }

    [Fact]
    public void Names_are_made_moved_linked_and_removed()
    {
        var directory = Fuse.MkDir(FuseClient.Root, "dir"u8).Value.NodeId;
        var file = Fuse.WriteFile(directory, "file"u8, "content"u8).NodeId;
        Assert.Equal(0, Fuse.Rename(directory, "file"u8, FuseClient.Root, "moved"u8));
        Assert.Equal(file, Fuse.Lookup(FuseClient.Root, "moved"u8).Value.NodeId);
        Assert.Equal(file, Fuse.Link(file, directory, "again"u8).Value.NodeId);
        Assert.Equal(2u, Fuse.GetAttr(file).Value.Attr.Nlink);
        Assert.Equal((int)Errno.EEXIST, Fuse.Rename2(FuseClient.Root, "moved"u8, directory, "again"u8, 1));
        var other = Fuse.MkDir(FuseClient.Root, "other"u8).Value.NodeId;
        Assert.Equal(0, Fuse.Rename2(FuseClient.Root, "other"u8, directory, "again"u8, 2));
        Assert.Equal(other, Fuse.Lookup(directory, "again"u8).Value.NodeId);
        Assert.Equal((int)Errno.ENOTEMPTY, Fuse.RmDir(FuseClient.Root, "dir"u8));
        Assert.Equal((int)Errno.EISDIR, Fuse.Unlink(directory, "again"u8));
        Assert.Equal(0, Fuse.RmDir(directory, "again"u8));
        Assert.Equal(0, Fuse.RmDir(FuseClient.Root, "dir"u8));
        Assert.Equal(0, Fuse.Unlink(FuseClient.Root, "moved"u8));
        Assert.Equal((int)Errno.ENOENT, Fuse.Lookup(FuseClient.Root, "moved"u8).Error);
    }

    [Fact]
    public void Files_are_written_read_copied_and_sought()
    {
        var created = Fuse.Create(FuseClient.Root, "file"u8, 0x80C2).Value;
        var (node, handle) = (created.Entry.NodeId, created.Open.Fh);
        // What the guest's O_CREAT and O_CLOEXEC mean is done; access mode and O_EXCL reach the file system.
        Assert.Equal(0x82, Files.LastOpenFlags & 0xFF);
        Assert.Equal(5u, Fuse.Write(node, handle, 3, "bytes"u8).Value.Size);
        Assert.Equal("\0\0\0bytes"u8, Fuse.Read(node, handle, 0, 100).Value);
        Assert.Empty(Fuse.Read(node, handle, 8, 100).Value);
        Assert.Equal(3UL, Fuse.Lseek(node, handle, 3, 3).Value.Offset);
        Assert.Equal(8UL, Fuse.Lseek(node, handle, 3, 4).Value.Offset);
        Assert.Equal((int)Errno.ENXIO, Fuse.Lseek(node, handle, 8, 3).Error);
        var copy = Fuse.Create(FuseClient.Root, "copy"u8, 0x41).Value;
        Assert.Equal(5u, Fuse.CopyFileRange(node, handle, 3, copy.Entry.NodeId, copy.Open.Fh, 0, 100).Value.Size);
        Assert.Equal(5UL, Fuse.CopyFileRange64(node, handle, 3, copy.Entry.NodeId, copy.Open.Fh, 5, ulong.MaxValue).Value.BytesCopied);
        Assert.Equal("bytesbytes"u8, Files.ReadContent("copy"));
        Assert.Equal(0, Fuse.Fallocate(node, handle, 0, 20));
        Assert.Equal(20u, Fuse.GetAttr(node).Value.Attr.Size);
        Assert.Equal(0, Fuse.Fsync(node, handle));
        Assert.Equal(0, Fuse.Fsync(node, handle, dataOnly: true));
        Assert.Equal(0, Fuse.Flush(node, handle));
        Assert.Equal(0, Fuse.Release(node, handle));
        Assert.Equal((int)Errno.EBADF, Fuse.Read(node, handle, 0, 10).Error);
        Assert.Equal((int)Errno.EBADF, Fuse.Release(node, handle));
        Assert.Equal(0, Fuse.SyncFs());
    }

    [Fact]
    public void A_write_appends_where_its_description_does()
    {
        const uint O_APPEND = 0x400;
        var created = Fuse.Create(FuseClient.Root, "log"u8, 0x41).Value;
        var (node, handle) = (created.Entry.NodeId, created.Open.Fh);

        _ = Fuse.Write(node, handle, 0, "one"u8).Value;
        _ = Fuse.Write(node, handle, 0, "two"u8, openFlags: O_APPEND).Value;
        _ = Fuse.Write(node, handle, 0, "O"u8).Value;

        Assert.Equal("Onetwo"u8, Files.ReadContent("log"));
    }

    [Fact]
    public void A_temporary_file_has_no_name()
    {
        var made = Fuse.TmpFile(FuseClient.Root, 2).Value;

        Assert.Equal(0u, made.Entry.Attr.Nlink);
        Assert.Equal(4u, Fuse.Write(made.Entry.NodeId, made.Open.Fh, 0, "data"u8).Value.Size);
        Assert.DoesNotContain(Fuse.ListDirectory(FuseClient.Root), entry => !entry.IsDots);
    }

    [Fact]
    public void Xattrs_are_set_listed_and_removed_in_both_forms()
    {
        Assert.True(Fuse.ExtendedSetXattr);
        Assert.Equal(0, Fuse.SetXattr(FuseClient.Root, "user.b"u8, "new\nline\0"u8));
        Assert.Equal("new\nline\0"u8, Fuse.GetXattr(FuseClient.Root, "user.b"u8).Value);
        Assert.Equal(9u, Fuse.GetXattrSize(FuseClient.Root, "user.b"u8).Value.Size);
        Assert.Equal((int)Errno.EEXIST, Fuse.SetXattr(FuseClient.Root, "user.b"u8, "x"u8, 1));
        Assert.Equal((int)Errno.ENODATA, Fuse.SetXattr(FuseClient.Root, "user.c"u8, "x"u8, 2));
        Assert.Equal("user.b\0"u8, Fuse.ListXattr(FuseClient.Root).Value);
        Assert.Equal(7u, Fuse.ListXattrSize(FuseClient.Root).Value.Size);
        Assert.Equal(0, Fuse.RemoveXattr(FuseClient.Root, "user.b"u8));
        Assert.Equal((int)Errno.ENODATA, Fuse.GetXattr(FuseClient.Root, "user.b"u8).Error);
        Assert.Empty(Fuse.ListXattr(FuseClient.Root).Value);

        using var plain = new MountedMemory();
        Assert.False(plain.Fuse.ExtendedSetXattr);
        Assert.Equal(0, plain.Fuse.SetXattr(FuseClient.Root, "user.a"u8, "value"u8));
        Assert.Equal("value"u8, plain.Fuse.GetXattr(FuseClient.Root, "user.a"u8).Value);
    }

    [Fact]
    public void An_acl_that_clears_setgid_says_so()
    {
        var node = Files.AddFile("file", ""u8, 0x5ED);

        Assert.Equal(0, Fuse.SetXattr(node, "system.posix_acl_access"u8, "acl"u8, 0, extendedFlags: 1));

        Assert.Equal(0x81EDu, Fuse.GetAttr(node).Value.Attr.Mode);
    }

    [Theory]
    [InlineData(false, 100)]
    [InlineData(false, 4096)]
    [InlineData(true, 512)]
    [InlineData(true, 65536)]
    public void A_listing_goes_on_where_a_buffer_was_full(bool plus, int size)
    {
        for (var i = 0; i < 500; i++)
            Files.AddFile($"dir/{new string('n', i % 40)}{i}", "");
        var directory = Fuse.Walk("dir").NodeId;

        var entries = Fuse.ListDirectory(directory, plus, size);

        Assert.Equal(502, entries.Count);
        Assert.Equal(502, entries.DistinctBy(entry => entry.Text).Count());
        Assert.Equal([".", ".."], entries.Take(2).Select(entry => entry.Text));
        Assert.All(entries.Skip(2), entry => Assert.Equal(8u, entry.Type));
        Assert.All(entries, entry => Assert.NotEqual(0UL, entry.Ino));
        // With attributes each entry is a lookup, dots are none; without, none is.
        Assert.All(entries.Skip(2), entry => Assert.Equal(plus ? 1UL : 0, Files.Lookups(entry.Ino)));
        Assert.All(entries.Where(entry => entry.IsDots), entry => Assert.Equal(0UL, entry.Entry.NodeId));
        if (plus)
            Assert.All(entries.Skip(2), entry => Assert.Equal((entry.Ino, entry.Ino), (entry.Entry.NodeId, entry.Entry.Attr.Ino)));
        Assert.Equal(0, Files.OpenHandles);
    }

    [Fact]
    public void An_error_behind_entries_comes_with_the_next_call()
    {
        using var gate = Files.Intercept(MemoryOperation.ReadDirectory, OperationGate.Fail(Errno.EIO));

        Assert.Equal((int)Errno.EIO, Fuse.ReadDir(FuseClient.Root, Fuse.OpenDir(FuseClient.Root).Value.Fh, 0).Error);
    }

    [Fact]
    public void Locks_are_the_file_system_s()
    {
        var node = Files.AddFile("file", "content");
        var read = new FuseFileLock { Start = 10, End = 19, Type = 0, Pid = 5 };
        Assert.Equal(0, Fuse.SetLk(node, 0, 1, read));
        Assert.Equal(0, Fuse.SetLk(node, 0, 2, read));
        Assert.Equal((int)Errno.EAGAIN, Fuse.SetLk(node, 0, 3, read with { Type = 1 }));
        var found = Fuse.GetLk(node, 0, 3, read with { Start = 0, End = long.MaxValue, Type = 1 }).Value.Lock;
        Assert.Equal((10UL, 19UL, 0u, 5u), (found.Start, found.End, found.Type, found.Pid));
        Assert.Equal(2u, Fuse.GetLk(node, 0, 3, read with { Start = 20, End = 29, Type = 1 }).Value.Lock.Type);
        Assert.Equal(0, Fuse.SetLk(node, 0, 1, new FuseFileLock { End = long.MaxValue, Type = 2 }));
        Assert.Equal((int)Errno.EINVAL, Fuse.SetLk(node, 0, 1, read with { Type = 3 }));
        Assert.Equal((int)Errno.EINVAL, Fuse.SetLk(node, 0, 1, read with { Start = 20, End = 10 }));
        Assert.Equal(0, Fuse.SetLk(node, 0, 9, new FuseFileLock { End = long.MaxValue, Type = 2 }, flock: true));
    }

    [Fact]
    public void Statistics_arrive_field_by_field()
    {
        var stat = Fuse.StatFs().Value;

        Assert.Equal((1UL << 20, 1UL << 19, 1UL << 19), (stat.Blocks, stat.BlocksFree, stat.BlocksAvailable));
        Assert.Equal((4096u, 4096u, 255u), (stat.BlockSize, stat.FragmentSize, stat.NameLength));
        Assert.Equal(1UL << 20, stat.Files);
    }

    [Fact]
    public void Requests_are_counted_by_kind()
    {
        var before = _mounted.Session.Statistics[Opcode.FUSE_GETATTR];

        for (var i = 0; i < 5; i++)
            _ = Fuse.GetAttr(FuseClient.Root);

        Assert.Equal(before + 5, _mounted.Session.Statistics[Opcode.FUSE_GETATTR]);
    }
}
