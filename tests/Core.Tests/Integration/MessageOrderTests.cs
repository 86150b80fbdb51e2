using System.Text;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.VhostUser;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>Each VMM's own order of messages, up to a file that is read, and down again.</summary>
public sealed class MessageOrderTests
{
    public static TheoryData<string> Profiles { get; } = [.. VmmProfile.All.Select(profile => profile.Name)];

    static VmmProfile Profile(string name) => VmmProfile.All.Single(profile => profile.Name == name);

    static MemoryFileSystem Files()
    {
        var files = new MemoryFileSystem();
        files.AddFile("dir/hello", "from the store");
        return files;
    }

    [Theory]
    [MemberData(nameof(Profiles))]
    public void Vmm_mounts_reads_stops_and_leaves(string name)
    {
        using var host = new ServerHost(Files(), new ServerHostOptions { Tag = "store" });
        using var machine = host.Mount(new VirtualMachineOptions { Profile = Profile(name) });

        Assert.Equal("from the store", Encoding.UTF8.GetString(machine.Fuse.ReadFile("dir/hello")));
        var bases = machine.Stop();
        machine.Disconnect();

        Assert.True(host.WaitForEnd());
        Assert.Equal(machine.Queues.Select(queue => queue.AvailableIndex), bases);
    }

    [Theory]
    [MemberData(nameof(Profiles))]
    public void Queues_start_again_where_they_stopped(string name)
    {
        using var host = new ServerHost(Files(), new ServerHostOptions { Tag = "store" });
        using var machine = host.Mount(new VirtualMachineOptions { Profile = Profile(name) });
        var node = machine.Fuse.Walk("dir/hello").NodeId;

        machine.Stop();
        if (machine.Has(ProtocolFeatures.ResetDevice))
        {
            // QEMU resets a device that it stops: the guest's driver begins anew.
            machine.ResetQueues();
            machine.Start();
            machine.MountSession();
            node = machine.Fuse.Walk("dir/hello").NodeId;
        }
        else
        {
            machine.Start();
        }

        Assert.Equal(14u, machine.Fuse.GetAttr(node).Value.Attr.Size);
    }

    [Fact]
    public void Features_offered_are_those_of_the_design()
    {
        using var host = new ServerHost(Files());
        using var machine = host.Boot();

        Assert.Equal(
            VirtioFeatures.Version1 | VirtioFeatures.RingIndirectDescriptors | VirtioFeatures.RingEventIndex | VirtioFeatures.LogAll
            | VirtioFeatures.ProtocolFeatures,
            machine.OfferedFeatures);
        Assert.Equal(
            ProtocolFeatures.Mq | ProtocolFeatures.LogShmfd | ProtocolFeatures.ReplyAck | ProtocolFeatures.BackendReq
            | ProtocolFeatures.BackendSendFd | ProtocolFeatures.ResetDevice | ProtocolFeatures.ConfigureMemSlots,
            machine.OfferedProtocol);
        Assert.Equal(509, machine.MemorySlots);
    }

    [Fact]
    public void Inflight_is_offered_where_requests_can_be_replayed()
    {
        using var host = new ServerHost(new MemoryFileSystem(Core.Storage.FileSystemTraits.Immutable));
        using var machine = host.Boot();

        Assert.True(machine.OfferedProtocol.HasFlag(ProtocolFeatures.InflightShmfd));
    }

    [Fact]
    public void Configuration_space_holds_the_tag_and_the_number_of_queues()
    {
        using var host = new ServerHost(Files(), new ServerHostOptions { Tag = "rootfs", RequestQueues = 3 });
        using var machine = host.Boot(new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice, RequestQueues = 3 });

        Assert.Equal("rootfs", Encoding.UTF8.GetString(machine.Configuration.AsSpan(0, 36)).TrimEnd('\0'));
        Assert.Equal(3, BitConverter.ToInt32(machine.Configuration.AsSpan(36)));
    }

    [Fact]
    public void Configuration_outside_of_its_space_is_refused()
    {
        using var host = new ServerHost(Files(), new ServerHostOptions { Tag = "rootfs" });
        using var machine = host.Boot(new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice });

        Assert.Empty(machine.Frontend.GetConfig(200, 100));
        Assert.Empty(machine.Frontend.GetConfig(uint.MaxValue, 4));
        Assert.Equal(40, machine.Frontend.GetConfig(0, 40).Length);
    }

    [Fact]
    public void A_vmm_that_polls_gets_its_answers_without_a_call_descriptor()
    {
        using var host = new ServerHost(Files());
        using var machine = host.Mount();
        machine.Frontend.SetVringCall(1, -1, acknowledge: true);
        var request = machine.Fuse.BeginGetAttr(1);

        machine.Fuse.Requests.Post(request);
        machine.Fuse.Requests.Notify();

        Assert.True(SpinWait.SpinUntil(() => machine.Fuse.Requests.Poll() is not null, TimeSpan.FromSeconds(20)));
        Assert.Equal(0, request.Error);
    }

    [Fact]
    public void A_queue_that_is_disabled_answers_after_it_is_enabled_again()
    {
        using var host = new ServerHost(Files());
        using var machine = host.Mount();
        machine.Frontend.EnableVring(1, false, acknowledge: true);
        var request = machine.Fuse.BeginGetAttr(1);
        machine.Fuse.Requests.Post(request);
        machine.Fuse.Requests.Notify();
        Assert.False(machine.Queues[1].WaitUsed(TimeSpan.FromMilliseconds(50)));

        machine.Frontend.EnableVring(1, true, acknowledge: true);

        machine.Fuse.Requests.WaitFor(request);
        Assert.Equal(0, request.Error);
    }
}
