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

    public MappingGrowthTests()
    {
        new Random(1).NextBytes(_content);
        File.WriteAllBytes(_directory["f"], _content[..(2 * (int)Page)]);
    }

    public void Dispose() => _directory.Dispose();

    (ServerHost Host, VirtualMachine Machine) Serve(bool likeQemu = true)
    {
        var host = new ServerHost(
            LocalFileSystem.Open(new LocalOptions { Path = _directory.Path, DaxMinimum = 2 * Page }),
            new ServerHostOptions { Tag = "t", DaxWindow = 8 * Range });
        return (host, host.Mount(new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice, WindowLikeQemu = likeQemu }));
    }

    static FuseRequest PostMap(VirtualMachine machine, ulong node)
    {
        var fuse = machine.Fuse;
        var request = fuse.Begin(FuseOpcode.SetupMapping, node).Append(new FuseSetupMappingIn { Fh = ulong.MaxValue, Length = Range, Flags = 2 });
        fuse.Requests.Post(request);
        fuse.Requests.Notify();
        return request;
    }

    [Theory]
    [InlineData(4096, Errno.None)]
    [InlineData(100, Errno.ENXIO)]
    public void What_a_file_grows_by_while_its_mapping_is_on_its_way_is_mapped_or_nothing_is(int length, Errno expected)
    {
        var (host, machine) = Serve();
        using var a = host;
        using var b = machine;
        var (fuse, window) = (machine.Fuse, machine.Window!);
        var node = fuse.Walk("f").NodeId;
        var handle = fuse.Open(node, OpenFlags.O_RDWR).Value.Fh;
        using var gate = new ManualResetEventSlim();
        using var arrived = new ManualResetEventSlim();
        window.OnRequest = _ =>
        {
            arrived.Set();
            gate.Wait();
            return WindowAnswer.Obey;
        };
        var map = PostMap(machine, node);
        arrived.Wait();
        Assert.Equal((uint)length, fuse.Write(node, handle, 2 * Page, _content.AsSpan(2 * (int)Page, length)).Value.Size);
        gate.Set();
        fuse.Requests.WaitFor(map);
        Assert.Equal((int)expected, map.Error);
        fuse.Requests.Return(map);
        if (expected == Errno.None)
            Assert.Equal(_content[..((2 * (int)Page) + length)], window.Read(0, (2 * (int)Page) + length));
        else
            Assert.Empty(window.Mappings);
    }

    [Fact]
    public void A_second_mapping_for_writing_makes_no_gap()
    {
        var (host, machine) = Serve();
        using var a = host;
        using var b = machine;
        var (fuse, window) = (machine.Fuse, machine.Window!);
        var node = fuse.Walk("f").NodeId;
        Assert.Equal(0, fuse.SetupMapping(node, 0, Range, 0, writable: false));
        Assert.True(window.Mappings[0].IsWritable);
        Assert.Equal(0, fuse.SetupMapping(node, 0, Range, 0, writable: true));
        Assert.Equal([true], window.Requests.Select(request => request.IsMap));
    }

    [Fact]
    public void Growth_is_bounded_and_refused_before_it_is_done()
    {
        var (host, machine) = Serve();
        using var a = host;
        using var b = machine;
        var (fuse, window) = (machine.Fuse, machine.Window!);
        var node = fuse.Walk("f").NodeId;
        var handle = fuse.Open(node, OpenFlags.O_RDWR).Value.Fh;
        Assert.Equal(0, fuse.SetupMapping(node, 0, Range, 0, writable: false));
        var end = 2 * Page;
        while (fuse.Write(node, handle, end, _content.AsSpan(0, (int)Page)) is { Error: 0 })
            end += Page;
        Assert.Equal(66 * Page, end);
        Assert.Equal((long)end, new FileInfo(_directory["f"]).Length);
        Assert.Equal(65, window.Mappings.Count);
        // All at once goes.
        Assert.Equal(0, fuse.RemoveMapping(new FuseRemoveMappingOne { Length = Range }));
        Assert.Equal(0, fuse.Truncate(node, Range).Error);
    }

    [Fact]
    public void Growth_while_the_guest_unmounts_leaves_nothing_at_the_vmm()
    {
        var (host, machine) = Serve();
        using var a = host;
        using var b = machine;
        var (fuse, window) = (machine.Fuse, machine.Window!);
        var node = fuse.Walk("f").NodeId;
        var handle = fuse.Open(node, OpenFlags.O_RDWR).Value.Fh;
        Assert.Equal(0, fuse.SetupMapping(node, 0, Range, 0, writable: false));
        using var gate = new ManualResetEventSlim();
        using var arrived = new ManualResetEventSlim();
        window.OnRequest = _ =>
        {
            arrived.Set();
            gate.Wait();
            return WindowAnswer.Obey;
        };
        var write = fuse.Begin(FuseOpcode.Write, node)
            .Append(new FuseWriteIn { Fh = handle, Offset = 2 * Page, Size = (uint)Page }).AppendBytes(_content.AsSpan(0, (int)Page).ToArray());
        fuse.Requests.Post(write);
        fuse.Requests.Notify();
        arrived.Wait();
        Assert.Equal(0, fuse.Destroy());
        window.OnRequest = null;
        gate.Set();
        fuse.Requests.WaitFor(write);
        fuse.Requests.Return(write);
        machine.MountSession();
        Assert.Equal(0, host.Session.Mappings);
        node = fuse.Walk("f").NodeId;
        Assert.Equal(0, fuse.SetupMapping(node, 0, Range, 0, writable: false));
        Assert.Empty(window.Refusals);
    }

    [Fact]
    public void Growth_that_fails_is_told_and_can_be_repeated()
    {
        // The VMM is stopped for a moment (GET_VRING_BASE) while a write waits for its growth: EAGAIN from write(2), of a file that has grown.
        var (host, machine) = Serve();
        using var a = host;
        using var b = machine;
        var (fuse, window) = (machine.Fuse, machine.Window!);
        var node = fuse.Walk("f").NodeId;
        var handle = fuse.Open(node, OpenFlags.O_RDWR).Value.Fh;
        Assert.Equal(0, fuse.SetupMapping(node, 0, Range, 0, writable: false));
        window.OnRequest = _ => WindowAnswer.Refuse;
        Assert.Equal((int)Errno.EIO, fuse.Write(node, handle, 2 * Page, _content.AsSpan(0, (int)Page)).Error);
        window.OnRequest = null;
        // The same bytes once more, as an application does: end is beyond what is mapped, so it heals.
        Assert.Equal(0, fuse.Write(node, handle, 2 * Page, _content.AsSpan(0, (int)Page)).Error);
        window.Read(0, 3 * (int)Page);
    }
}
