using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>A guest is told of no more of a file than its mappings show, on whatever queue, and whoever made the file grow.</summary>
public sealed class MappedSizeTests : IDisposable
{
    const ulong Range = 2 << 20;
    const ulong Page = 4096;

    readonly TemporaryDirectory _directory = new();
    readonly byte[] _content = new byte[16 * (int)Page];
    readonly ServerHost _host;
    readonly VirtualMachine _machine;
    readonly ulong _node;
    readonly ulong _handle;
    readonly ManualResetEventSlim _gate = new();

    /// <summary>The file has two pages, and is mapped.</summary>
    public MappedSizeTests()
    {
        new Random(1).NextBytes(_content);
        File.WriteAllBytes(_directory["f"], _content[..(2 * (int)Page)]);
        _host = new ServerHost(
            LocalFileSystem.Open(new LocalOptions { Path = _directory.Path }), new ServerHostOptions { Tag = "t", RequestQueues = 2, DaxWindow = 8 * Range });
        _machine = _host.Mount(new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice, WindowLikeQemu = true, RequestQueues = 2 });
        _node = Fuse.Walk("f").NodeId;
        _handle = Fuse.Open(_node, OpenFlags.O_RDWR).Value.Fh;
        Assert.Equal(0, Fuse.SetupMapping(_node, 0, Range, 0, writable: true));
    }

    FuseClient Fuse => _machine.Fuse;

    FuseClient Other => _machine.Clients[1];

    SharedWindow Window => _machine.Window!;

    /// <summary>In pages, as each operation tells it that has attributes in its answer.</summary>
    static ulong[] Pages(ulong pages) => [.. Enumerable.Repeat(pages, 6)];

    public void Dispose()
    {
        _gate.Set();
        _machine.Dispose();
        _host.Dispose();
        _directory.Dispose();
        _gate.Dispose();
    }

    /// <summary>A WRITE of a third page, which the VMM has been asked to map. It waits for the gate.</summary>
    FuseRequest PostWriteAndHoldVmm()
    {
        using var arrived = new ManualResetEventSlim();
        Window.OnRequest = _ =>
        {
            arrived.Set();
            _gate.Wait();
            return WindowAnswer.Obey;
        };
        var write = Fuse.BeginFor<FuseWriteOut>(FuseOpcode.Write, _node)
            .Append(new FuseWriteIn { Fh = _handle, Offset = 2 * Page, Size = (uint)Page })
            .AppendBytes(_content.AsSpan(2 * (int)Page, (int)Page));
        Fuse.Requests.Post(write);
        Fuse.Requests.Notify();
        arrived.Wait();
        Window.OnRequest = null;
        return write;
    }

    void GrowOnHost(int size)
    {
        using var file = File.OpenHandle(_directory["f"], FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        RandomAccess.Write(file, _content.AsSpan(2 * (int)Page, size - (2 * (int)Page)), 2 * (int)Page);
    }

    ulong[] Told()
    {
        var link = $"l{Guid.NewGuid():N}";
        ulong[] sizes =
        [
            Fuse.ListDirectory("/", plus: true).Single(entry => entry.Name.AsSpan().SequenceEqual("f"u8)).Entry.Attr.Size,
            Fuse.GetAttr(_node).Value.Attr.Size,
            Fuse.Statx(_node).Value.Stat.Size,
            Fuse.Walk("f").Attr.Size,
            Fuse.ChangeMode(_node, 0x1A4).Value.Attr.Size,
            Fuse.Link(_node, FuseClient.Root, System.Text.Encoding.UTF8.GetBytes(link)).Value.Attr.Size,
        ];
        Assert.All(sizes, size => Assert.Equal(0UL, size % Page));
        return [.. sizes.Select(size => size / Page)];
    }

    [Fact]
    public void Another_queue_tells_of_the_growth_when_it_is_mapped()
    {
        var write = PostWriteAndHoldVmm();

        var attributes = Other.BeginGetAttr(_node);
        Other.Requests.Post(attributes);
        Other.Requests.Notify();
        // What comes behind it is answered.
        Assert.Equal(0, Other.GetAttr(FuseClient.Root).Error);
        Assert.False(attributes.IsDone);
        _gate.Set();

        Other.Requests.WaitFor(attributes);
        Assert.Equal(3 * Page, System.Runtime.InteropServices.MemoryMarshal.Read<FuseAttrOut>(attributes.Body).Attr.Size);
        Assert.Equal(_content[..(3 * (int)Page)], Window.Read(0, 3 * (int)Page));
        Fuse.Requests.WaitFor(write);
        Assert.Equal(0, write.Error);
        Assert.Equal(2, Window.Mappings.Count);
    }

    [Fact]
    public void What_cannot_be_mapped_is_not_told_of()
    {
        Window.OnRequest = _ => WindowAnswer.Refuse;
        Assert.Equal((int)Errno.EIO, Fuse.Write(_node, _handle, 2 * Page, _content.AsSpan(2 * (int)Page, (int)Page)).Error);
        Assert.Equal(3 * (long)Page, new FileInfo(_directory["f"]).Length);
        Assert.Equal(Pages(2), Told());

        Window.OnRequest = null;

        Assert.Equal(3 * Page, Fuse.GetAttr(_node).Value.Attr.Size);
        Assert.Equal(_content[..(3 * (int)Page)], Window.Read(0, 3 * (int)Page));
        Assert.Equal(Pages(3), Told());
    }

    [Fact]
    public void Of_a_write_that_is_mapped_in_part_only_that_part_counts()
    {
        Window.OnRequest = _ => WindowAnswer.Refuse;

        Assert.Equal((uint)Page, Fuse.Write(_node, _handle, Page, _content.AsSpan((int)Page, 2 * (int)Page)).Value.Size);
        Assert.Equal((int)Errno.EIO, Fuse.Write(_node, _handle, 2 * Page, _content.AsSpan(2 * (int)Page, (int)Page)).Error);

        Window.OnRequest = null;
        Assert.Equal((uint)Page, Fuse.Write(_node, _handle, 2 * Page, _content.AsSpan(2 * (int)Page, (int)Page)).Value.Size);
        Assert.Equal(_content[..(3 * (int)Page)], Window.Read(0, 3 * (int)Page));
    }

    [Fact]
    public void A_write_whose_queue_ends_before_its_growth_is_mapped_is_interrupted()
    {
        var write = PostWriteAndHoldVmm();

        _ = _machine.Frontend.GetVringBase(1);

        Fuse.Requests.WaitFor(write);
        Assert.Equal((int)Errno.EINTR, write.Error);
        _gate.Set();
        Assert.Equal(3 * Page, Other.GetAttr(_node).Value.Attr.Size);
        Assert.Equal(_content[..(3 * (int)Page)], Window.Read(0, 3 * (int)Page));
        Assert.Empty(Window.Refusals);
    }

    [Fact]
    public void A_write_whose_vmm_dies_before_its_growth_is_mapped_is_an_error_and_leaves_nothing()
    {
        var write = PostWriteAndHoldVmm();

        _machine.CutConnection();

        Fuse.Requests.WaitFor(write);
        Assert.Equal((int)Errno.EIO, write.Error);
        Assert.True(_host.WaitForEnd());
        Assert.Equal((0, 0), (_host.Session.Window.Mappings, _host.Session.Window.Parts));
    }

    [Theory]
    [InlineData(5 * 4096, 5)]
    [InlineData((5 * 4096) - 100, 4)]
    [InlineData((2 * 4096) + 100, 2)]
    public void What_the_host_makes_a_file_grow_by_is_mapped_in_whole_pages_before_it_is_told_of(int size, ulong expected)
    {
        GrowOnHost(size);

        Assert.Equal(expected * Page, Fuse.GetAttr(_node).Value.Attr.Size);

        Assert.Equal(_content[..(int)(expected * Page)], Window.Read(0, (int)(expected * Page)));
        Assert.Equal(Pages(expected), Told());
    }

    [Fact]
    public void A_listing_tells_of_what_is_mapped()
    {
        GrowOnHost(3 * (int)Page);

        Assert.Equal([2UL, 3, 3, 3, 3, 3], Told());
        Assert.Equal(Pages(3), Told());
    }

    [Fact]
    public void A_file_that_the_host_makes_grow_more_often_than_is_mapped_is_told_of_as_far_as_it_is()
    {
        for (var pages = 3; pages < 80; pages++)
        {
            using (var file = File.OpenHandle(_directory["f"], FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
                RandomAccess.SetLength(file, pages * (long)Page);
            Assert.Equal((ulong)Math.Min(pages, 66) * Page, Fuse.GetAttr(_node).Value.Attr.Size);
        }
        Assert.Equal(65, Window.Mappings.Count);

        // All at once, where the guest asks anew.
        Assert.Equal(0, Fuse.RemoveMapping(new FuseRemoveMappingOne { Length = Range }));
        Assert.Equal(79 * Page, Fuse.GetAttr(_node).Value.Attr.Size);
        Assert.Equal(0, Fuse.SetupMapping(_node, 0, Range, 0, writable: true));
        Assert.Equal(79 * Page, Assert.Single(Window.Mappings).Length);
    }

    /// <summary>The errno, or 0.</summary>
    int Append(ulong offset)
    {
        var write = Fuse.BeginFor<FuseWriteOut>(FuseOpcode.Write, _node)
            .Append(new FuseWriteIn { Fh = _handle, Offset = offset, Size = (uint)Page, Flags = (uint)OpenFlags.O_APPEND })
            .AppendBytes(_content.AsSpan(2 * (int)Page, (int)Page));
        Fuse.Requests.Post(write);
        Fuse.Requests.Notify();
        Fuse.Requests.WaitFor(write);
        var error = write.Error;
        Fuse.Requests.Return(write);
        return error;
    }

    [Fact]
    public void What_is_appended_is_where_the_guest_takes_it_to_be()
    {
        Assert.Equal(0, Append(2 * Page));
        Assert.Equal(_content[..(3 * (int)Page)], Window.Read(0, 3 * (int)Page));

        // The guest cannot be told of what ends within a page: its own would lie behind that.
        GrowOnHost((3 * (int)Page) + 100);
        Assert.Equal((int)Errno.EOPNOTSUPP, Append(3 * Page));
        Assert.Equal((3 * (int)Page) + 100, new FileInfo(_directory["f"]).Length);
    }
}
