using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

public sealed class DataTests : IDisposable
{
    readonly Share _share = new();

    public void Dispose() => _share.Dispose();

    [Fact]
    public void Appending_handles_write_at_the_end_whatever_the_offset()
    {
        File.WriteAllText(_share.Host("file"), "start");
        var node = _share.Lookup("file").Node;
        var handle = _share.Open(node, Share.WRONLY | OpenFlags.O_APPEND);

        _share.Write(node, handle, "-more", offset: 0, flags: WriteFlags.Append);

        Assert.Equal("start-more", File.ReadAllText(_share.Host("file")));
    }

    [Fact]
    public void Once_the_guest_has_cleared_O_APPEND_writes_go_to_their_offset()
    {
        File.WriteAllText(_share.Host("file"), "start");
        var node = _share.Lookup("file").Node;
        var handle = _share.Open(node, Share.WRONLY | OpenFlags.O_APPEND);

        _share.Write(node, handle, "S", offset: 0);

        Assert.Equal("Start", File.ReadAllText(_share.Host("file")));
    }

    [Fact]
    public void Pages_written_back_go_to_their_place_even_through_an_appending_handle()
    {
        File.WriteAllText(_share.Host("file"), "start");
        var node = _share.Lookup("file").Node;
        var handle = _share.Open(node, Share.WRONLY | OpenFlags.O_APPEND);

        _share.Write(node, handle, "S", offset: 0, flags: WriteFlags.Cache | WriteFlags.Append);

        Assert.Equal("Start", File.ReadAllText(_share.Host("file")));
    }

    [Fact]
    public void With_writeback_a_write_only_handle_can_read_and_does_not_append()
    {
        using var share = new Share(options => options with { Writeback = true });
        File.WriteAllText(share.Host("file"), "start");
        var node = share.Lookup("file").Node;
        var handle = share.Open(node, Share.WRONLY | OpenFlags.O_APPEND);

        share.Write(node, handle, "S");

        Assert.Equal("Start", share.Read(node, handle));
    }

    [Fact]
    public void Opening_with_truncation_empties_the_file()
    {
        File.WriteAllText(_share.Host("file"), "start");
        var node = _share.Lookup("file").Node;

        _share.Open(node, Share.WRONLY | OpenFlags.O_TRUNC);

        Assert.Equal(0UL, _share.Attributes(node).Size);
    }

    [Fact]
    public void A_read_past_the_end_is_short_and_an_absurd_offset_is_EINVAL()
    {
        var made = _share.Create("file");
        _share.Write(made.Entry.Node, made.Open.Handle, "abc");

        Assert.Equal("c", _share.Read(made.Entry.Node, made.Open.Handle, 2));
        Assert.Equal("", _share.Read(made.Entry.Node, made.Open.Handle, 100));
        Assert.Equal(Errno.EINVAL, _share.TryRead(made.Entry.Node, made.Open.Handle, ulong.MaxValue, new byte[1]).Error);
        Assert.Equal(Errno.EFBIG, _share.TryWrite(made.Entry.Node, made.Open.Handle, "x", ulong.MaxValue).Error);
    }

    [Theory]
    [InlineData(3000, 3000)]
    [InlineData(3000, 2500)]
    [InlineData(3000, 1024)]
    [InlineData(1000, 1000)]
    [InlineData(1000, 999)]
    public unsafe void A_read_fills_any_number_of_ranges_up_to_the_end(int ranges, int size)
    {
        var content = new byte[size];
        new Random(1).NextBytes(content);
        File.WriteAllBytes(_share.Host("file"), content);
        var node = _share.Lookup("file").Node;
        var handle = _share.Open(node);
        var bytes = new byte[ranges];
        using var buffers = new IoBuffers();
        fixed (byte* pointer = bytes)
        {
            for (var i = 0; i < ranges; i++)
                buffers.Append(pointer + i, 1);

            Assert.Equal(size, _share.FileSystem.ReadAsync(_share.Request, node, handle, 0, buffers).Now().Value);
        }

        Assert.Equal(content, bytes[..size]);
    }

    [Fact]
    public void A_hole_is_punched_and_found()
    {
        const uint PunchHole = 2 | 1, ZeroRange = 0x10;
        var (node, handle) = Make(3 * 65536);

        Assert.Equal(Errno.None, Allocate(node, handle, 65536, 65536, PunchHole));

        Assert.Equal(65536UL, Seek(node, handle, 0, FileSpace.SEEK_HOLE).Value);
        Assert.Equal(131072UL, Seek(node, handle, 65536, FileSpace.SEEK_DATA).Value);
        Assert.Equal(Errno.ENXIO, Seek(node, handle, 1 << 30, FileSpace.SEEK_DATA).Error);
        Assert.Equal(Errno.EINVAL, Seek(node, handle, 0, FileSpace.SEEK_SET).Error);
        Assert.Equal(Errno.None, Allocate(node, handle, 0, 4, ZeroRange));
        Assert.Equal("\0\0\0\0a", _share.Read(node, handle, 0, 5));
    }

    [Fact]
    public void Allocation_extends_the_file_unless_its_size_is_to_stay()
    {
        var (node, handle) = Make(10);

        Assert.Equal(Errno.None, Allocate(node, handle, 0, 8192, 1));
        Assert.Equal(10UL, _share.Attributes(node).Size);
        Assert.Equal(Errno.None, Allocate(node, handle, 0, 8192, 0));
        Assert.Equal(8192UL, _share.Attributes(node).Size);
        Assert.Equal(Errno.EOPNOTSUPP, Allocate(node, handle, 0, 8192, 0x8000));
        Assert.Equal(Errno.EFBIG, Allocate(node, handle, long.MaxValue, 8192, 0));
    }

    [Fact]
    public void A_range_is_copied_between_files()
    {
        var (source, from) = Make(10_000);
        var target = _share.Create("target");

        var copied = _share.FileSystem.CopyRangeAsync(_share.Request, new CopyRange
        {
            SourceNode = source, SourceHandle = from, SourceOffset = 1_000,
            TargetNode = target.Entry.Node, TargetHandle = target.Open.Handle, TargetOffset = 10, Length = 5_000,
        }).Now();

        Assert.Equal(5_000UL, copied.Value);
        Assert.Equal(5_010UL, _share.Attributes(target.Entry.Node).Size);
        Assert.Equal("\0a", _share.Read(target.Entry.Node, target.Open.Handle, 9, 2));
    }

    [Fact]
    public void A_temporary_file_has_no_name_until_it_is_linked()
    {
        var made = _share.FileSystem.CreateTemporaryAsync(_share.Request, Share.Root, new OpenRequest { Flags = Share.RDWR, Mode = 0x180 }).Now().Value;
        _share.Write(made.Entry.Node, made.Open.Handle, "content");
        Assert.Empty(Directory.GetFileSystemEntries(_share.Path));
        Assert.Equal(0u, _share.Attributes(made.Entry.Node).LinkCount);

        var linked = _share.TryLink(made.Entry.Node, "name").Value;

        Assert.Equal(made.Entry.Node, linked.Node);
        Assert.Equal("content", File.ReadAllText(_share.Host("name")));
    }

    [Fact]
    public void Synchronising_works_on_files_directories_and_the_file_system()
    {
        var made = _share.Create("file");
        var directory = _share.OpenDirectory(Share.Root);
        var fileSystem = _share.FileSystem;

        Assert.Equal(Errno.None, fileSystem.SyncAsync(_share.Request, made.Entry.Node, made.Open.Handle, dataOnly: true).Now());
        Assert.Equal(Errno.None, fileSystem.SyncAsync(_share.Request, made.Entry.Node, made.Open.Handle, dataOnly: false).Now());
        Assert.Equal(Errno.None, fileSystem.FlushAsync(_share.Request, made.Entry.Node, made.Open.Handle, 0).Now());
        Assert.Equal(Errno.None, fileSystem.SyncDirectoryAsync(_share.Request, Share.Root, directory, dataOnly: false).Now());
        Assert.Equal(Errno.None, fileSystem.SyncFileSystemAsync(_share.Request, made.Entry.Node).Now());
    }

    [Fact]
    public void Statistics_are_the_hosts()
    {
        var statistics = _share.FileSystem.StatisticsAsync(_share.Request, Share.Root).Now().Value;

        Assert.Equal(255u, statistics.NameLength);
        Assert.True(statistics.Blocks >= statistics.BlocksFree && statistics.BlocksFree > 0);
        Assert.True(statistics.FragmentSize >= 512);
    }

    (NodeId Node, HandleId Handle) Make(int length)
    {
        var made = _share.Create("source");
        _share.Write(made.Entry.Node, made.Open.Handle, new string('a', length));
        return (made.Entry.Node, made.Open.Handle);
    }

    Errno Allocate(NodeId node, HandleId handle, ulong offset, ulong length, uint mode) =>
        _share.FileSystem.AllocateAsync(_share.Request, node, handle, offset, length, mode).Now();

    Reply<ulong> Seek(NodeId node, HandleId handle, ulong offset, int whence) =>
        _share.FileSystem.SeekAsync(_share.Request, node, handle, offset, (uint)whence).Now();
}
