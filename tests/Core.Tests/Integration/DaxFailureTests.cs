using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>A VMM that refuses, answers late or never, or dies; and what comes in what order. Not beside other tests: it counts the process's descriptors.</summary>
[Collection(nameof(WholeProcess))]
public sealed class DaxFailureTests
{
    const ulong Range = DaxSetup.Range;

    /// <summary>How long a VMM is waited for that never answers; no test is done sooner or later by it.</summary>
    static readonly ServerHostOptions s_impatient = new() { DaxReplyLimit = TimeSpan.FromMilliseconds(200) };

    [Fact]
    public void A_refusal_is_an_error_of_that_mapping_alone()
    {
        using var dax = new DaxSetup();
        dax.Window.OnRequest = _ => WindowAnswer.Refuse;

        Assert.Equal((int)Errno.EIO, dax.Map(0));
        Assert.Equal((int)Errno.EIO, dax.Map(0));
        Assert.Equal((0, 0), dax.Counts);
        Assert.Single(dax.Host.Logger.Lines, line => line.Text.Contains("refused to map", StringComparison.Ordinal));

        dax.Window.OnRequest = null;
        Assert.Equal(0, dax.Map(0));
        Assert.Equal((1, 1), dax.Counts);
    }

    [Fact]
    public void A_vmm_that_knows_nothing_of_a_mapping_has_none()
    {
        using var dax = new DaxSetup();
        Assert.Equal(0, dax.Map(0));
        dax.Window.Drop();

        Assert.Equal((int)Errno.EIO, dax.Fuse.RemoveMapping(DaxSetup.Place(0)));

        Assert.Equal((0, 0), dax.Counts);
        Assert.Equal(0, dax.Map(0));
    }

    [Fact]
    public void Other_requests_go_on_while_the_vmm_takes_its_time()
    {
        using var dax = new DaxSetup();
        using var gate = new ManualResetEventSlim();
        dax.Window.OnRequest = _ =>
        {
            gate.Wait();
            return WindowAnswer.Obey;
        };

        var map = dax.PostMap(0);
        Assert.Equal(0, dax.Fuse.GetAttr(dax.Node).Error);
        Assert.Equal("few bytes"u8, dax.Fuse.ReadFile("small"));
        Assert.False(map.IsDone);
        gate.Set();

        Assert.Equal(0, dax.Finish(map));
        Assert.Equal((1, 1), dax.Counts);
    }

    [Fact]
    public void A_vmm_that_never_answers_is_asked_no_more()
    {
        using var dax = new DaxSetup(s_impatient);
        Assert.Equal(0, dax.Map(Range));
        dax.Window.OnRequest = _ => WindowAnswer.Silence;

        Assert.Equal((int)Errno.EIO, dax.Map(0));
        Assert.Equal((int)Errno.EIO, dax.Map(0));
        Assert.Equal((int)Errno.EIO, dax.Fuse.RemoveMapping(DaxSetup.Place(Range)));

        Assert.Equal(2, dax.Window.Requests.Count);
        Assert.Single(dax.Host.Logger.Lines, line => line.Text.Contains("no answer came in 0.2 s", StringComparison.Ordinal));
        Assert.Equal("few bytes"u8, dax.Fuse.ReadFile("small"));
        // The guest may see it still.
        Assert.Equal(1, dax.Files.MappedExtents);
    }

    [Fact]
    public void A_vmm_that_dies_while_it_maps_ends_all_that_waits()
    {
        using var dax = new DaxSetup();
        using var gate = new ManualResetEventSlim();
        dax.Window.OnRequest = _ =>
        {
            gate.Wait();
            return WindowAnswer.Die;
        };

        var maps = Enumerable.Range(0, 4).Select(i => dax.PostMap((ulong)i * Range)).ToArray();
        gate.Set();

        Assert.All(maps, map => Assert.Equal((int)Errno.EIO, dax.Finish(map)));
        Assert.Equal((0, 0), dax.Counts);
        Assert.Equal((int)Errno.EIO, dax.Map(0));
    }

    [Fact]
    public void Another_vmm_finds_an_empty_window_after_one_that_died()
    {
        using var dax = new DaxSetup(new ServerHostOptions { Relisten = true });
        Assert.Equal(0, dax.Map(0));
        dax.Window.OnRequest = _ => WindowAnswer.Die;
        Assert.Equal((int)Errno.EIO, dax.Map(Range));

        dax.Machine.Disconnect();
        dax.Host.WaitListening();
        Assert.Equal((0, 0), dax.Counts);
        dax.Machine.ResetQueues();
        dax.Machine.Connect(dax.Host.SocketPath);
        dax.Machine.Start();
        dax.Machine.MountSession();

        _ = dax.Fuse.Walk("file");
        Assert.Equal(0, dax.Map(0));
        Assert.Equal((1, 1), dax.Counts);
    }

    [Fact]
    public void A_queue_stops_although_the_vmm_answers_nothing_meanwhile()
    {
        // QEMU's main loop waits for GET_VRING_BASE and looks at the back-end channel afterwards.
        using var dax = new DaxSetup();
        using var gate = new ManualResetEventSlim();
        using var arrived = new ManualResetEventSlim();
        dax.Window.OnRequest = _ =>
        {
            arrived.Set();
            gate.Wait();
            return WindowAnswer.Obey;
        };
        var first = dax.PostMap(0);
        var second = dax.PostMap(Range);
        arrived.Wait();

        dax.Machine.Stop();
        dax.Window.OnRequest = null;
        gate.Set();

        Assert.Equal((int)Errno.EAGAIN, dax.Finish(first));
        Assert.Equal((int)Errno.EAGAIN, dax.Finish(second));
        dax.Machine.ResetQueues();
        dax.Machine.Start();
        dax.Machine.MountSession();
        _ = dax.Fuse.Walk("file");
        // What came too late was taken back before anything else was mapped.
        Assert.Equal(0, dax.Map(0));
        Assert.Equal([true, false, true], dax.Window.Requests.Select(request => request.IsMap));
        Assert.Empty(dax.Window.Refusals);
        Assert.Equal((1, 1), dax.Counts);
    }

    [Fact]
    public void A_removal_waits_for_the_mapping_before_it()
    {
        using var dax = new DaxSetup();
        using var gate = dax.Files.Hold(MemoryOperation.Map);
        var map = dax.PostMap(0);
        gate.WaitForArrivals();
        var remove = dax.Post(dax.Fuse.Begin(FuseOpcode.RemoveMapping, FuseClient.Root)
            .Append(new FuseRemoveMappingIn { Count = 1 }).Append(DaxSetup.Place(0)));
        // Elsewhere in the window nothing waits.
        Assert.Equal((int)Errno.EINVAL, dax.Fuse.RemoveMapping(DaxSetup.Place(Range)));
        Assert.False(remove.IsDone);

        gate.Open();

        Assert.Equal(0, dax.Finish(map));
        Assert.Equal(0, dax.Finish(remove));
        Assert.Equal((0, 0), dax.Counts);
        Assert.Empty(dax.Window.Mappings);
    }

    [Fact]
    public void A_mapping_that_waits_too_long_for_its_file_is_given_up()
    {
        using var dax = new DaxSetup(new ServerHostOptions { Session = new Core.Fuse.SessionOptions { IoTimeout = TimeSpan.FromMilliseconds(200) } });
        using var gate = dax.Files.Hold(MemoryOperation.Map);

        Assert.Equal((int)Errno.EINTR, dax.Map(0));

        gate.Open();
        Assert.Equal(0, dax.Map(0));
        Assert.Equal((1, 1), dax.Counts);
    }

    [Fact]
    public async Task A_mount_that_ends_is_mapped_no_more()
    {
        var files = new MemoryFileSystem();
        files.AddFile("file", new byte[5000]);
        var router = Router.Pseudo();
        router.Add("/m", files);
        using var host = new ServerHost(router, new ServerHostOptions { Tag = "t", DaxWindow = DaxSetup.Size });
        using var machine = host.Mount(new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice });
        Assert.Equal(0, machine.Fuse.SetupMapping(machine.Fuse.Walk("m/file").NodeId, 0, Range, 0, writable: false));
        Assert.Equal((int)Errno.EISDIR, machine.Fuse.SetupMapping(machine.Fuse.Walk("m").NodeId, 0, Range, Range, writable: false));
        Assert.Equal((int)Errno.EOPNOTSUPP, machine.Fuse.SetupMapping(FuseClient.Root, 0, Range, Range, writable: false));

        var mount = router.Remove(MountPath.Parse("/m"));
        await mount.Ended.WaitAsync(TimeSpan.FromSeconds(20));

        Assert.Equal((0, 0), (host.Session.Window.Mappings, files.MappedExtents));
        Assert.Empty(machine.Window!.Mappings);
    }

    [Fact]
    public void Nothing_is_left_open_whatever_becomes_of_mappings()
    {
        Assert.Null(OpenDescriptors.LeftBy(RunOnce));

        static void RunOnce()
        {
            using var dax = new DaxSetup(s_impatient);
            Assert.Equal(0, dax.Map(0));
            Assert.Equal(0, dax.Map(Range));
            Assert.Equal(0, dax.Fuse.RemoveMapping(DaxSetup.Place(0)));
            Assert.Equal((int)Errno.EINVAL, dax.Map(1));
            Assert.Equal((int)Errno.EINVAL, dax.Map(DaxSetup.Size));
            Assert.Equal((int)Errno.ENXIO, dax.Fuse.SetupMapping(dax.Node, 2 * Range, Range, 0, writable: true));
            Assert.Equal((int)Errno.EISDIR, dax.Fuse.SetupMapping(FuseClient.Root, 0, Range, 0, writable: false));
            Assert.Equal((int)Errno.EINVAL, dax.Fuse.RemoveMapping(DaxSetup.Place(0)));
            dax.Window.OnRequest = _ => WindowAnswer.Refuse;
            Assert.Equal((int)Errno.EIO, dax.Map(0));
            dax.Window.OnRequest = _ => WindowAnswer.Silence;
            Assert.Equal((int)Errno.EIO, dax.Map(0));
            Assert.Equal((int)Errno.EIO, dax.Map(0));
        }
    }
}
