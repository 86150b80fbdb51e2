using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using Xunit;

namespace VirtioFsStore.Core.Tests.Fuse;

/// <summary>Numbers in requests at and past their bounds: sizes, offsets, counts, flags.</summary>
public sealed class RequestBoundsTests
{
    const int EINVAL = (int)Errno.EINVAL;

    /// <summary>Room for any reply.</summary>
    const int Room = 4096;

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(1_000_000)]
    [InlineData(-1)]
    public void A_write_whose_size_is_not_that_of_its_data_is_refused(int size)
    {
        using var mounted = new MountedMemory();
        var created = mounted.Fuse.Create(FuseClient.Root, "file"u8, 0x42).Value;
        var request = mounted.Fuse.BeginFor<FuseWriteOut>(FuseOpcode.Write, created.Entry.NodeId)
            .Append(new FuseWriteIn { Fh = created.Open.Fh, Size = (uint)size }).AppendBytes("data"u8);

        Assert.Equal(EINVAL, mounted.Fuse.Run<FuseWriteOut>(request).Error);
        Assert.Empty(mounted.Files.ReadContent("file"));
    }

    [Fact]
    public void Offsets_and_sizes_at_the_ends_of_their_types_are_survived()
    {
        using var mounted = new MountedMemory();
        var created = mounted.Fuse.Create(FuseClient.Root, "file"u8, 0x42).Value;
        var (node, handle) = (created.Entry.NodeId, created.Open.Fh);

        foreach (var offset in new[] { (ulong)long.MaxValue - 3, (ulong)long.MaxValue, (ulong)long.MaxValue + 1, ulong.MaxValue - 3, ulong.MaxValue })
        {
            Assert.NotEqual(0, mounted.Fuse.Write(node, handle, offset, "data"u8).Error);
            Assert.Equal(0, mounted.Fuse.Read(node, handle, offset, 10) is { Error: 0, Body.Length: 0 } or { Error: EINVAL } ? 0 : 1);
            Assert.NotEqual(0, mounted.Fuse.Fallocate(node, handle, offset, 10));
            Assert.NotEqual(0, mounted.Fuse.Lseek(node, handle, offset, 3).Error);
            Assert.NotEqual(0, mounted.Fuse.Truncate(node, offset).Error);
            _ = mounted.Fuse.CopyFileRange(node, handle, offset, node, handle, offset, ulong.MaxValue);
            _ = mounted.Fuse.CopyFileRange64(node, handle, offset, node, handle, offset, ulong.MaxValue);
            _ = mounted.Fuse.ReadDir(FuseClient.Root, 0, offset);
        }
        Assert.True(mounted.IsAlive);
    }

    [Theory]
    [InlineData(101u)]
    [InlineData(1u << 20)]
    public void A_read_larger_than_its_room_is_cut_to_the_room(uint size)
    {
        using var mounted = new MountedMemory();
        var node = mounted.Files.AddFile("file", new byte[10_000]);
        _ = mounted.Fuse.Walk("file");
        var handle = mounted.Fuse.Open(node).Value.Fh;
        var request = mounted.Fuse.Begin(FuseOpcode.Read, node, FuseRequest.ReplyHeaderSize + 100)
            .Append(new FuseReadIn { Fh = handle, Size = size });

        Assert.Equal(100, mounted.Fuse.RunForBytes(request).Value.Length);
    }

    [Fact]
    public void A_read_larger_than_any_guest_s_is_refused()
    {
        using var mounted = new MountedMemory();
        var node = mounted.Files.AddFile("file", new byte[10_000]);
        _ = mounted.Fuse.Walk("file");
        var handle = mounted.Fuse.Open(node).Value.Fh;
        var request = mounted.Fuse.Begin(FuseOpcode.Read, node, FuseRequest.ReplyHeaderSize + 100)
            .Append(new FuseReadIn { Fh = handle, Size = uint.MaxValue });

        Assert.Equal(EINVAL, mounted.Fuse.RunForBytes(request).Error);
    }

    [Fact]
    public void Forgetting_more_than_was_looked_up_is_clamped()
    {
        using var mounted = new MountedMemory();
        var node = mounted.Files.AddFile("file", "content");
        _ = mounted.Fuse.Walk("file");

        mounted.Fuse.Forget(node, ulong.MaxValue);
        mounted.Fuse.Forget(node, 1);
        mounted.Fuse.Forget(FuseClient.Root, ulong.MaxValue);
        mounted.Fuse.Forget(0, 1);
        mounted.Fuse.Forget(ulong.MaxValue, 1);

        Assert.Equal(0UL, mounted.Files.Lookups(node));
        Assert.Equal("content"u8, mounted.Fuse.ReadFile("file"));
    }

    [Fact]
    public void A_batch_of_forgets_ends_at_what_came_along()
    {
        using var mounted = new MountedMemory();
        var node = mounted.Files.AddFile("file", "content");
        for (var i = 0; i < 5; i++)
            _ = mounted.Fuse.Walk("file");
        var request = mounted.Fuse.Begin(FuseOpcode.BatchForget, 0, 0).Append(new FuseBatchForgetIn { Count = uint.MaxValue })
            .Append(new FuseForgetOne { NodeId = node, Nlookup = 2 });

        mounted.Fuse.Requests.Call(request);

        Assert.Equal(3UL, mounted.Files.Lookups(node));
        Assert.True(mounted.IsAlive);
    }

    [Fact]
    public void A_batch_larger_than_the_queue_s_buffers_is_taken_whole()
    {
        using var mounted = new MountedMemory();
        var node = mounted.Files.AddFile("file", "content");
        for (var i = 0; i < 300; i++)
            _ = mounted.Fuse.Walk("file");

        mounted.Fuse.BatchForget([.. Enumerable.Repeat(new FuseForgetOne { NodeId = node, Nlookup = 1 }, 300)]);

        Assert.Equal(0UL, mounted.Files.Lookups(node));
    }

    [Fact]
    public void Bad_flags_and_modes_are_refused()
    {
        using var mounted = new MountedMemory();
        var created = mounted.Fuse.Create(FuseClient.Root, "file"u8, 0x42).Value;
        var (node, handle) = (created.Entry.NodeId, created.Open.Fh);

        Assert.Equal(EINVAL, mounted.Fuse.Rename2(FuseClient.Root, "file"u8, FuseClient.Root, "new"u8, 8));
        Assert.Equal(EINVAL, mounted.Fuse.Rename2(FuseClient.Root, "file"u8, FuseClient.Root, "new"u8, 3));
        Assert.Equal(EINVAL, mounted.Fuse.Access(node, 8));
        Assert.Equal(EINVAL, mounted.Fuse.Lseek(node, handle, 0, 9).Error);
        Assert.Equal(EINVAL, mounted.Fuse.SetXattr(node, "user.a"u8, "v"u8, 7));
        Assert.Equal(EINVAL, mounted.Fuse.Fallocate(node, handle, 0, 0));
        Assert.Equal(EINVAL, mounted.Fuse.SetAttr(node, new FuseSetAttrIn { Valid = 1 << 5, MtimeNsec = 1_000_000_000 }).Error);
    }

    [Fact]
    public void Xattr_sizes_are_bounded()
    {
        using var mounted = new MountedMemory();
        var fuse = mounted.Fuse;

        Assert.Equal(0, fuse.SetXattr(FuseClient.Root, "user.big"u8, new byte[65536]));
        Assert.Equal((int)Errno.E2BIG, fuse.SetXattr(FuseClient.Root, "user.big"u8, new byte[65537]));
        Assert.Equal(65536, fuse.GetXattr(FuseClient.Root, "user.big"u8).Value.Length);
        Assert.Equal((int)Errno.ERANGE, fuse.GetXattr(FuseClient.Root, "user.big"u8, 100).Error);
        Assert.Equal((int)Errno.ERANGE, fuse.ListXattr(FuseClient.Root, 3).Error);
        Assert.Equal((int)Errno.ERANGE, fuse.SetXattr(FuseClient.Root, ""u8, "v"u8));
        Assert.Equal((int)Errno.ERANGE, fuse.SetXattr(FuseClient.Root, new byte[256].Select(_ => (byte)'x').ToArray(), "v"u8));
        var oversized = fuse.Begin(FuseOpcode.GetXattr, FuseClient.Root, Room).Append(new FuseGetXattrIn { Size = uint.MaxValue }).AppendName("user.big"u8);
        Assert.Equal((int)Errno.ERANGE, fuse.RunForBytes(oversized).Error);
    }
}
