using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.VhostUser;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>Files in the guest's window: what a guest and a VMM see of SETUPMAPPING and REMOVEMAPPING.</summary>
public sealed class DaxTests : IDisposable
{
    const ulong Range = DaxSetup.Range;
    const ulong Page = DaxSetup.Page;

    readonly DaxSetup _dax = new();

    FuseClient Fuse => _dax.Fuse;

    SharedWindow Window => _dax.Window;

    public void Dispose() => _dax.Dispose();

    byte[] Expected(ulong offset, int length)
    {
        var bytes = new byte[length];
        _dax.Content.AsSpan((int)offset, Math.Min(length, _dax.Content.Length - (int)offset)).CopyTo(bytes);
        return bytes;
    }

    [Fact]
    public void A_window_is_announced_to_the_vmm_and_agreed_with_the_guest()
    {
        Assert.Equal(8 * Range, _dax.Machine.SharedMemorySizes[0]);
        Assert.True(_dax.Machine.SharedMemorySizes.AsSpan(1).IndexOfAnyExcept(0UL) < 0);
        Assert.True(Fuse.Agreed.HasFlag(FuseInitFlags.MapAlignment | FuseInitFlags.HasInodeDax));
        Assert.Equal(12, Fuse.Session.MapAlignment);
    }

    [Fact]
    public void A_mapped_file_is_seen_with_no_read()
    {
        Assert.Equal(0, Fuse.SetupMapping(_dax.Node, 0, Range, 3 * Range, writable: false));

        Assert.Equal(Expected(0, (int)Range), Window.Read(3 * Range, (int)Range));
        Assert.Equal(1, _dax.Host.Session.Window.Mappings);
        Assert.Equal(0UL, _dax.Host.Session.Statistics[Core.Fuse.Abi.Opcode.FUSE_READ]);
        Assert.False(Window.Mappings[0].IsWritable);
    }

    [Fact]
    public void The_end_of_a_file_is_mapped_in_the_pages_that_it_has()
    {
        Assert.Equal(0, Fuse.SetupMapping(_dax.Node, Range, Range, 0, writable: false));

        Assert.Equal(2 * Page, Assert.Single(Window.Mappings).Length);
        Assert.Equal(Expected(Range, 2 * (int)Page), Window.Read(0, 2 * (int)Page));
        Assert.Empty(Window.Refusals);
    }

    [Fact]
    public void A_mapping_is_removed_by_the_range_that_was_asked_for()
    {
        Assert.Equal(0, Fuse.SetupMapping(_dax.Node, Range, Range, 0, writable: false));
        Assert.Equal(0, Fuse.SetupMapping(_dax.Node, 0, Range, Range, writable: false));

        Assert.Equal(0, Fuse.RemoveMapping(DaxSetup.Place(Range), DaxSetup.Place(0)));

        Assert.Empty(Window.Mappings);
        Assert.Equal((0, 0), _dax.Counts);
        Assert.Empty(Window.Refusals);
    }

    [Fact]
    public void A_mapping_that_the_guest_begins_to_write_to_is_made_anew()
    {
        Assert.Equal(0, Fuse.SetupMapping(_dax.Node, 0, Range, 0, writable: false));
        Assert.Equal(0, Fuse.SetupMapping(_dax.Node, 0, Range, 0, writable: true));

        Assert.Equal([true, false, true], Window.Requests.Select(request => request.IsMap));
        Assert.True(Assert.Single(Window.Mappings).IsWritable);
        Window.Write(100, "written"u8);
        Assert.Equal("written"u8.ToArray(), Window.Read(100, 7));
        Assert.Equal((1, 1), _dax.Counts);
    }

    [Fact]
    public void A_mapping_that_may_be_written_to_already_is_left_alone()
    {
        _dax.Files.MapsForWriting = true;
        Assert.Equal(0, Fuse.SetupMapping(_dax.Node, 0, Range, 0, writable: false));
        Assert.Equal(0, Fuse.SetupMapping(_dax.Node, 0, Range, 0, writable: true));

        Assert.Single(Window.Requests);
    }

    [Fact]
    public void What_overlaps_a_new_mapping_gives_way_to_it()
    {
        Assert.Equal(0, Fuse.SetupMapping(_dax.Node, 0, Range, 0, writable: false));
        Assert.Equal(0, Fuse.SetupMapping(_dax.Node, 0, Range, Range, writable: false));
        Assert.Equal(0, Fuse.SetupMapping(_dax.Node, 0, Range, Range / 2, writable: false));

        Assert.Equal(Range / 2, Assert.Single(Window.Mappings).Offset);
        Assert.Empty(Window.Refusals);
        Assert.Equal((1, 1), _dax.Counts);
    }

    [Fact]
    public void Another_file_takes_the_place_of_one()
    {
        Assert.Equal(0, Fuse.SetupMapping(_dax.Node, 0, Range, 0, writable: false));
        Assert.Equal(0, Fuse.SetupMapping(Fuse.Walk("small").NodeId, 0, Range, 0, writable: false));

        Assert.Equal("few bytes"u8.ToArray(), Window.Read(0, 9));
        Assert.Equal(Page, Assert.Single(Window.Mappings).Length);
    }

    [Fact]
    public void A_guest_that_mounts_anew_finds_the_window_empty()
    {
        for (var i = 0UL; i < 3; i++)
            Assert.Equal(0, Fuse.SetupMapping(_dax.Node, 0, Range, i * Range, writable: false));

        _dax.Machine.MountSession();

        Assert.Equal(0, _dax.Host.Session.Window.Mappings);
        Assert.True(_dax.Files.WaitUntilUnmapped());
        _ = Fuse.Walk("file");
        Assert.Equal(0, Fuse.SetupMapping(_dax.Node, 0, Range, Range, writable: false));
        Assert.Equal(Range, Assert.Single(Window.Mappings).Offset);
        Assert.Empty(Window.Refusals);
    }

    [Fact]
    public void A_guest_that_unmounts_leaves_the_window_empty()
    {
        Assert.Equal(0, Fuse.SetupMapping(_dax.Node, 0, Range, 0, writable: false));

        Assert.Equal(0, Fuse.Destroy());

        Assert.Equal(0, _dax.Host.Session.Window.Mappings);
        Assert.True(_dax.Files.WaitUntilUnmapped());
        _dax.Machine.MountSession();
        Assert.Equal(0, Fuse.SetupMapping(Fuse.Walk("file").NodeId, 0, Range, 0, writable: false));
        Assert.Single(Window.Mappings);
        Assert.Empty(Window.Refusals);
    }

    [Fact]
    public void A_reset_of_the_device_drops_all_and_asks_for_nothing()
    {
        Assert.Equal(0, Fuse.SetupMapping(_dax.Node, 0, Range, 0, writable: false));

        _dax.Machine.Stop();
        _dax.Machine.ResetQueues();
        _dax.Machine.Start();
        _dax.Machine.MountSession();

        Assert.Equal((0, 0), _dax.Counts);
        Assert.Single(Window.Requests);
        Assert.Equal(0, Fuse.SetupMapping(Fuse.Walk("file").NodeId, 0, Range, 0, writable: false));
        Assert.Empty(Window.Refusals);
    }

    [Fact]
    public void The_connections_thread_answers_while_the_vmm_maps()
    {
        // QEMU tells of the new memory, and of its end, before it takes anything else; the guest's next request waits for that.
        var region = _dax.Machine.Memory.Add(new Driver.Memory.MemoryLayout(1UL << 40, Range));
        Window.Answered = request =>
        {
            if (request.IsMap)
                _dax.Machine.Frontend.AddMemoryRegion(region, acknowledge: true);
            else
                _dax.Machine.Frontend.RemoveMemoryRegion(region, acknowledge: true);
        };

        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(0, Fuse.SetupMapping(_dax.Node, 0, Range, 0, writable: false));
            Assert.Equal(0, Fuse.RemoveMapping(DaxSetup.Place(0)));
        }
    }

    [Fact]
    public void A_device_without_a_window_does_not_know_mappings()
    {
        using var host = new ServerHost(new MemoryFileSystem(), new ServerHostOptions { Tag = "t" });
        using var machine = host.Boot(new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice });
        machine.MountSession(FuseInitFlags.LinuxDax);

        Assert.False(machine.OfferedProtocol.HasFlag(ProtocolFeatures.Shmem));
        Assert.Equal(FuseInitFlags.None, machine.Fuse.Agreed & (FuseInitFlags.MapAlignment | FuseInitFlags.HasInodeDax));
        Assert.Equal(0, machine.Fuse.Session.MapAlignment);
        Assert.Equal((int)Errno.ENOSYS, machine.Fuse.SetupMapping(FuseClient.Root, 0, Range, 0, false));
        Assert.Equal((int)Errno.ENOSYS, machine.Fuse.RemoveMapping(DaxSetup.Place(0)));
    }

    [Fact]
    public void A_vmm_without_windows_is_served_all_the_same()
    {
        using var host = new ServerHost(_dax.Files, new ServerHostOptions { DaxWindow = 8 * Range });
        using var machine = host.Boot(new VirtualMachineOptions { Profile = VmmProfile.CloudHypervisor });
        machine.MountSession(FuseInitFlags.LinuxDax);

        Assert.Equal(FuseInitFlags.None, machine.Fuse.Agreed & FuseInitFlags.MapAlignment);
        Assert.Equal(_dax.Content, machine.Fuse.ReadFile("file"));
    }
}
