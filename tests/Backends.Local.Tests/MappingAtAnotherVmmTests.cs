using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.VhostUser;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>
/// A session that goes on at another VMM, which does not send INIT again: what the one before mapped says nothing of this one. VMMs that reset
/// the device when they connect begin anew; the older ones do not.
/// </summary>
public sealed class MappingAtAnotherVmmTests : IDisposable
{
    const ulong Range = 2 << 20;
    const uint Dax = 2;

    static readonly VirtualMachineOptions s_options = new() { Profile = VmmProfile.Qemu72, OwnWindow = 8 * Range };

    readonly TemporaryDirectory _directory = new();
    readonly ServerHost _host;

    public MappingAtAnotherVmmTests()
    {
        File.WriteAllBytes(_directory["f"], new byte[Range]);
        _host = new ServerHost(
            LocalFileSystem.Open(new LocalOptions { Path = _directory.Path, ReadOnly = true, DaxMinimum = 4096 }),
            new ServerHostOptions { Relisten = true, DaxWindow = 8 * Range, DaxDialect = WindowDialect.SlaveFs, DaxReplyLimit = TimeSpan.FromMilliseconds(200) });
    }

    public void Dispose()
    {
        _host.Dispose();
        _directory.Dispose();
    }

    /// <summary>The machine with which the session goes on; the other one is gone.</summary>
    VirtualMachine GoOn(VirtualMachine machine, VirtualMachineOptions options)
    {
        machine.Disconnect();
        _host.WaitListening();
        var next = _host.Boot(options);
        next.Fuse.Adopt(machine.Fuse.Session);
        return next;
    }

    static uint FlagsOf(VirtualMachine machine) => machine.Fuse.Walk("f").Attr.Flags;

    static int Map(VirtualMachine machine, ulong place = 0) => machine.Fuse.SetupMapping(machine.Fuse.Walk("f").NodeId, 0, Range, place, writable: false);

    [Fact]
    public void Files_are_shown_as_ones_to_map_no_more_where_the_next_vmm_does_not_map_them()
    {
        using var first = _host.Mount(s_options);
        Assert.Equal(Dax, FlagsOf(first));
        Assert.Equal(0, Map(first));

        using var second = GoOn(first, s_options with { WindowLikeQemu = true });

        Assert.Equal(0u, FlagsOf(second));
        Assert.Equal((int)Errno.ENXIO, Map(second));
        Assert.Equal(0u, FlagsOf(second));
        Assert.Equal(0, _host.Session.Window.Mappings);
    }

    [Fact]
    public void Files_are_shown_as_ones_to_map_where_only_the_next_vmm_maps_them()
    {
        using var first = _host.Mount(s_options with { WindowLikeQemu = true });
        Assert.Equal(0u, FlagsOf(first));

        using var second = GoOn(first, s_options);

        // Waits until it is known what the VMM maps.
        Assert.Equal(0, Map(second));
        Assert.Equal(Dax, FlagsOf(second));
    }

    [Fact]
    public void What_the_next_vmm_maps_is_tried_without_a_mapping()
    {
        using var first = _host.Mount(s_options);
        using var second = GoOn(first, s_options);
        using var tried = new CountdownEvent(2);
        second.Window!.Answered = request =>
        {
            if (request.IsMap)
                tried.Signal();
        };

        Assert.Equal(0u, FlagsOf(second));

        Assert.True(tried.Wait(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public void No_file_is_shown_as_one_to_map_where_the_next_vmm_has_no_window()
    {
        using var first = _host.Mount(s_options);
        Assert.Equal(Dax, FlagsOf(first));

        using var second = GoOn(first, new VirtualMachineOptions { Profile = VmmProfile.CloudHypervisor });

        Assert.Equal(0u, FlagsOf(second));
        Assert.Equal((int)Errno.EIO, Map(second));
    }

    [Fact]
    public void No_file_is_shown_as_one_to_map_where_the_vmm_answers_no_more()
    {
        using var machine = _host.Mount(s_options);
        Assert.Equal(0, Map(machine));
        machine.Window!.OnRequest = _ => WindowAnswer.Silence;

        Assert.Equal((int)Errno.EIO, Map(machine, Range));

        Assert.Equal(0u, FlagsOf(machine));
    }
}
