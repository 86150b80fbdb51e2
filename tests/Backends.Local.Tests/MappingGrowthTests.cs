using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>Files that a guest has mapped by way of a VMM like QEMU 11.1, and makes grow.</summary>
public sealed class MappingGrowthTests : IDisposable
{
    const ulong Range = 2 << 20;
    const ulong Page = 4096;

    readonly TemporaryDirectory _directory = new();
    readonly byte[] _content = new byte[16 * (int)Page];
    readonly ServerHost _host;
    readonly VirtualMachine _machine;
    readonly ulong _node;
    readonly ulong _handle;

    public MappingGrowthTests()
    {
        new Random(1).NextBytes(_content);
        File.WriteAllBytes(_directory["f"], _content[..(2 * (int)Page)]);
        _host = new ServerHost(LocalFileSystem.Open(new LocalOptions { Path = _directory.Path }), new ServerHostOptions { Tag = "t", DaxWindow = 8 * Range });
        _machine = _host.Mount(new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice, WindowLikeQemu = true });
        _node = Fuse.Walk("f").NodeId;
        _handle = Fuse.Open(_node, OpenFlags.O_RDWR).Value.Fh;
    }

    FuseClient Fuse => _machine.Fuse;

    SharedWindow Window => _machine.Window!;

    public void Dispose()
    {
        _machine.Dispose();
        _host.Dispose();
        _directory.Dispose();
    }

    int Map(bool writable = false) => Fuse.SetupMapping(_node, 0, Range, 0, writable);

    int Append(ulong page) => Fuse.Write(_node, _handle, page * Page, _content.AsSpan(0, (int)Page)).Error;

    /// <summary>Posts a request, and lets the VMM answer only when the gate opens. Returns when the VMM has been asked.</summary>
    FuseRequest Post(FuseRequest request, ManualResetEventSlim gate)
    {
        using var arrived = new ManualResetEventSlim();
        Window.OnRequest = _ =>
        {
            arrived.Set();
            gate.Wait();
            return WindowAnswer.Obey;
        };
        Fuse.Requests.Post(request);
        Fuse.Requests.Notify();
        arrived.Wait();
        Window.OnRequest = null;
        return request;
    }

    int Finish(FuseRequest request, ManualResetEventSlim gate)
    {
        gate.Set();
        Fuse.Requests.WaitFor(request);
        var error = request.Error;
        Fuse.Requests.Return(request);
        return error;
    }

    [Theory]
    [InlineData(4096, Errno.None)]
    [InlineData(100, Errno.ENXIO)]
    public void What_a_file_grows_by_while_its_mapping_is_on_its_way_is_mapped_or_nothing_is(int length, Errno expected)
    {
        using var gate = new ManualResetEventSlim();
        var map = Post(Fuse.Begin(FuseOpcode.SetupMapping, _node).Append(new FuseSetupMappingIn { Fh = ulong.MaxValue, Length = Range, Flags = 2 }), gate);
        Assert.Equal((uint)length, Fuse.Write(_node, _handle, 2 * Page, _content.AsSpan(2 * (int)Page, length)).Value.Size);

        Assert.Equal((int)expected, Finish(map, gate));

        if (expected == Errno.None)
            Assert.Equal(_content[..((2 * (int)Page) + length)], Window.Read(0, (2 * (int)Page) + length));
        else
            Assert.Empty(Window.Mappings);
    }

    [Fact]
    public void A_second_mapping_for_writing_makes_no_gap()
    {
        Assert.Equal(0, Map());
        Assert.True(Window.Mappings[0].IsWritable);
        Assert.Equal(0, Map(writable: true));
        Assert.Equal([true], Window.Requests.Select(request => request.IsMap));
    }

    [Fact]
    public void Growth_is_bounded_and_refused_before_it_is_done()
    {
        Assert.Equal(0, Map());
        var end = 2UL;
        while (Append(end) == 0)
            end++;
        Assert.Equal(66UL, end);
        Assert.Equal((long)(end * Page), new FileInfo(_directory["f"]).Length);
        Assert.Equal(65, Window.Mappings.Count);
        // All at once goes.
        Assert.Equal(0, Fuse.RemoveMapping(new FuseRemoveMappingOne { Length = Range }));
        Assert.Equal(0, Fuse.Truncate(_node, Range).Error);
    }

    [Fact]
    public void What_is_mapped_grows_also_where_the_window_is_full()
    {
        for (var i = 0UL; i < 8; i++)
            Assert.Equal(0, Fuse.SetupMapping(_node, 0, Range, i * Range, writable: false));

        Assert.Equal(0, Append(2));

        Assert.Equal(_content[..(int)Page], Window.Read((7 * Range) + (2 * Page), (int)Page));
    }

    [Fact]
    public void Growth_while_the_guest_unmounts_leaves_nothing_at_the_vmm()
    {
        Assert.Equal(0, Map());
        using var gate = new ManualResetEventSlim();
        var write = Post(
            Fuse.Begin(FuseOpcode.Write, _node)
                .Append(new FuseWriteIn { Fh = _handle, Offset = 2 * Page, Size = (uint)Page }).AppendBytes(_content.AsSpan(0, (int)Page).ToArray()), gate);
        Assert.Equal(0, Fuse.Destroy());
        _ = Finish(write, gate);

        _machine.MountSession();
        Assert.Equal(0, _host.Session.Window.Mappings);
        Assert.Equal(0, Fuse.SetupMapping(Fuse.Walk("f").NodeId, 0, Range, 0, writable: false));
        Assert.Empty(Window.Refusals);
    }

    [Fact]
    public void Growth_that_fails_is_told_and_can_be_repeated()
    {
        Assert.Equal(0, Map());
        Window.OnRequest = _ => WindowAnswer.Refuse;
        Assert.Equal((int)Errno.EIO, Append(2));
        Window.OnRequest = null;
        Assert.Equal(0, Append(2));
        Assert.Equal(_content[..(int)Page], Window.Read(2 * Page, (int)Page));
    }
}
