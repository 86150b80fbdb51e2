using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>What a guest can make of copies, and a VMM of the trials at INIT.</summary>
public sealed class DaxBoundsTests
{
    const ulong Range = DaxSetup.Range;
    const ulong Page = DaxSetup.Page;

    [Fact]
    public void Copies_are_bounded_as_other_mappings_are()
    {
        using var dax = new DaxSetup(likeQemu: true, traits: FileSystemTraits.Immutable);
        for (var i = 0UL; i < 200; i++)
            _ = dax.Fuse.SetupMapping(dax.Node, 0, Page, i * Page, writable: false);
        Assert.Equal(8, dax.Host.Session.Window.Mappings);
    }

    [Fact]
    public void Copies_below_a_pseudo_root_are_bounded_at_the_vmm()
    {
        var files = new MemoryFileSystem(FileSystemTraits.Immutable);
        files.AddFile("file", new byte[5000]);
        var router = Router.Pseudo();
        router.Add("/m", files);
        using var host = new ServerHost(router, new ServerHostOptions { Tag = "t", DaxWindow = DaxSetup.Size });
        using var machine = host.Mount(new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice, WindowLikeQemu = true });
        var node = machine.Fuse.Walk("m/file").NodeId;
        for (var i = 0UL; i < 200; i++)
            _ = machine.Fuse.SetupMapping(node, 0, Page, i * Page, writable: false);
        Assert.Equal(8, machine.Window!.Mappings.Count);
    }

    [Fact]
    public void As_many_parts_are_mapped_as_a_vmm_can_hold_and_no_more_though_many_are_asked_for_at_once()
    {
        const ulong Most = 448;
        var files = new MemoryFileSystem();
        files.AddFile("small", "few bytes"u8);
        using var host = new ServerHost(files, new ServerHostOptions { Tag = "t", DaxWindow = (Most + 2) * Range });
        using var machine = host.Mount(new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice });
        var node = machine.Fuse.Walk("small").NodeId;
        for (var i = 0UL; i < Most - 1; i++)
            Assert.Equal(0, machine.Fuse.SetupMapping(node, 0, Range, i * Range, writable: false));
        using var gate = new ManualResetEventSlim();
        machine.Window!.OnRequest = _ =>
        {
            gate.Wait();
            return WindowAnswer.Obey;
        };

        var last = new List<FuseRequest>();
        for (var i = Most - 1; i < Most + 2; i++)
        {
            last.Add(machine.Fuse.Begin(FuseOpcode.SetupMapping, node)
                .Append(new FuseSetupMappingIn { Fh = ulong.MaxValue, Length = Range, WindowOffset = i * Range, Flags = 2 }));
            machine.Fuse.Requests.Post(last[^1]);
            machine.Fuse.Requests.Notify();
        }
        // All three are under way.
        Assert.Equal(0, machine.Fuse.GetAttr(node).Error);
        gate.Set();
        last.ForEach(machine.Fuse.Requests.WaitFor);

        Assert.Equal([0, (int)Errno.ENOSPC, (int)Errno.ENOSPC], last.Select(request => request.Error));
        Assert.Equal((int)Most, machine.Window!.Mappings.Count);
        Assert.Equal((int)Most, host.Session.Window.Mappings);
    }

    [Fact]
    public void A_vmm_that_pauses_while_its_guest_mounts_costs_no_dax()
    {
        var files = new MemoryFileSystem();
        files.AddFile("small", "few bytes"u8);
        using var host = new ServerHost(files, new ServerHostOptions { Tag = "t", DaxWindow = DaxSetup.Size });
        using var machine = host.Boot(new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice });
        using var gate = new ManualResetEventSlim();
        using var arrived = new ManualResetEventSlim();
        machine.Window!.OnRequest = _ =>
        {
            arrived.Set();
            gate.Wait();
            return WindowAnswer.Obey;
        };
        var fuse = machine.Fuse;
        var init = fuse.BeginInit();
        fuse.Requests.Post(init);
        fuse.Requests.Notify();
        arrived.Wait();
        _ = machine.Frontend.GetVringBase(1);
        machine.Window!.OnRequest = null;
        gate.Set();
        fuse.Requests.WaitFor(init);
        Assert.Equal(0, init.Error);
        var answer = System.Runtime.InteropServices.MemoryMarshal.Read<FuseInitOut>(init.Body);
        fuse.Requests.Return(init);
        Assert.True(((FuseInitFlags)answer.Flags & FuseInitFlags.MapAlignment) != 0, "INIT was answered without MAP_ALIGNMENT, for good: " + string.Join('|', host.Logger.Lines.Select(line => line.Text)));
    }

    [Fact]
    public void A_copy_that_is_broken_off_leaves_no_bytes()
    {
        using var dax = new DaxSetup(likeQemu: true, traits: FileSystemTraits.Immutable);
        using var gate = dax.Files.Hold(MemoryOperation.Read);
        var map = dax.Post(dax.Fuse.Begin(FuseOpcode.SetupMapping, dax.Node)
            .Append(new FuseSetupMappingIn { Fh = ulong.MaxValue, FileOffset = Range, Length = Range, WindowOffset = 0, Flags = 2 }));
        gate.WaitForArrivals();
        gate.Release();
        gate.WaitForArrivals();
        dax.Fuse.Interrupt(map.Unique);
        Assert.Equal((int)Errno.EINTR, dax.Finish(map));
        gate.Open();
        Assert.Equal(0, dax.Fuse.SetupMapping(dax.Fuse.Walk("small").NodeId, 0, Range, 0, writable: false));
        Assert.Equal([.. "few bytes"u8.ToArray(), .. new byte[(int)Page - 9]], dax.Window.Read(0, (int)Page));
    }
}
