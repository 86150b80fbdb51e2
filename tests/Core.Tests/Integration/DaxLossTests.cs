using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>
/// What a VMM leaves behind that is lost, or that answers too late: nothing, and the next one is served. Not beside other tests: it counts the
/// process's descriptors.
/// </summary>
[Collection(nameof(WholeProcess))]
public sealed class DaxLossTests
{
    const ulong Range = DaxSetup.Range;

    static readonly TimeSpan s_short = TimeSpan.FromMilliseconds(200);

    /// <summary>A file system whose files the VMM maps, and one that is copied for it.</summary>
    public static TheoryData<bool> Copied { get; } = [false, true];

    static DaxSetup Setup(bool copied, ServerHostOptions? options = null) =>
        new((options ?? new ServerHostOptions()) with { Relisten = true }, likeQemu: copied, copied ? FileSystemTraits.Immutable : FileSystemTraits.Xattrs);

    /// <summary>After a VMM's end: nothing is mapped or kept, and the next one maps. Leaves one that has mapped nothing.</summary>
    static void ServeNext(DaxSetup dax, bool copied)
    {
        Assert.Equal((0, 0), dax.Counts);
        dax.ConnectNextVmm();
        Assert.Equal(0, dax.Map(0));
        Assert.Equal(dax.Content[..(int)Range], dax.Window.Read(0, (int)Range));
        Assert.Equal((1, copied ? 0 : 1), dax.Counts);
        Assert.Empty(dax.Window.Refusals);
        Assert.Equal(0, dax.Fuse.RemoveMapping(DaxSetup.Place(0)));
        dax.LoseVmm();
        Assert.Equal((0, 0), dax.Counts);
        dax.ConnectNextVmm();
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void A_vmm_that_dies_in_the_middle_of_a_mapping_leaves_nothing(bool copied, bool channelFirst)
    {
        using var dax = Setup(copied);
        Assert.Null(OpenDescriptors.LeftBy(() =>
        {
            using var gate = new ManualResetEventSlim();
            using var arrived = new ManualResetEventSlim();
            dax.HoldVmm(gate, arrived, WindowAnswer.Die);
            var maps = new[] { dax.PostMap(0), dax.PostMap(Range) };
            arrived.Wait();
            // Both are under way: what a queue has not taken when it ends stays in the ring.
            Assert.Equal(0, dax.Fuse.GetAttr(dax.Node).Error);

            if (channelFirst)
                gate.Set();
            dax.Machine.CutConnection();
            // Its memory is there still, and its answer is not waited for.
            dax.Host.WaitListening();
            Assert.All(maps, map => Assert.Equal((int)Errno.EIO, dax.Finish(map)));
            Assert.Equal((0, 0), dax.Counts);
            gate.Set();
            dax.Machine.Disconnect();

            ServeNext(dax, copied);
        }));
    }

    [Theory]
    [MemberData(nameof(Copied))]
    public void What_a_lost_vmm_had_mapped_is_let_go(bool copied)
    {
        using var dax = Setup(copied);
        Assert.Null(OpenDescriptors.LeftBy(() =>
        {
            for (var i = 0UL; i < 4; i++)
                Assert.Equal(0, dax.Map(i * Range));

            dax.LoseVmm();

            ServeNext(dax, copied);
        }));
    }

    [Theory]
    [InlineData(WindowAnswer.Refuse, false)]
    [InlineData(WindowAnswer.Refuse, true)]
    [InlineData(WindowAnswer.Silence, false)]
    [InlineData(WindowAnswer.Silence, true)]
    [InlineData(WindowAnswer.Die, false)]
    [InlineData(WindowAnswer.Die, true)]
    public void A_vmm_that_does_not_do_as_asked_leaves_nothing(WindowAnswer answer, bool copied)
    {
        using var dax = Setup(copied, new ServerHostOptions { DaxReplyLimit = s_short });
        Assert.Null(OpenDescriptors.LeftBy(() =>
        {
            dax.Window.OnRequest = _ => answer;
            Assert.Equal((int)Errno.EIO, dax.Map(0));
            Assert.Equal((0, 0), dax.Counts);
            dax.LoseVmm();
            ServeNext(dax, copied);

            Assert.Equal(0, dax.Map(Range));
            dax.Window.OnRequest = _ => answer;
            // A copy goes without a word to the VMM.
            Assert.Equal((int)(copied ? Errno.None : Errno.EIO), dax.Fuse.RemoveMapping(DaxSetup.Place(Range)));
            dax.LoseVmm();
            ServeNext(dax, copied);
        }));
    }

    [Theory]
    [MemberData(nameof(Copied))]
    public void A_vmm_that_answers_after_its_time_is_not_listened_to(bool copied)
    {
        using var dax = Setup(copied, new ServerHostOptions { DaxReplyLimit = s_short });
        Assert.Null(OpenDescriptors.LeftBy(() =>
        {
            using var gate = new ManualResetEventSlim();
            using var arrived = new ManualResetEventSlim();
            using var answered = new ManualResetEventSlim();
            dax.HoldVmm(gate, arrived);
            dax.Window.Answered = _ => answered.Set();
            Assert.Equal((int)Errno.EIO, dax.Map(0));

            gate.Set();
            answered.Wait();

            Assert.Equal((int)Errno.EIO, dax.Map(0));
            Assert.Equal((0, 0), dax.Counts);
            Assert.Single(dax.Window.Requests);
            Assert.Equal("few bytes"u8, dax.Fuse.ReadFile("small"));
            dax.LoseVmm();
            ServeNext(dax, copied);
        }));
    }

    [Fact]
    public void What_a_vmm_maps_after_the_requests_time_is_taken_back()
    {
        using var dax = Setup(copied: false, new ServerHostOptions { Session = new Core.Fuse.SessionOptions { IoTimeout = s_short } });
        Assert.Null(OpenDescriptors.LeftBy(() =>
        {
            using var gate = new ManualResetEventSlim();
            using var arrived = new ManualResetEventSlim();
            dax.HoldVmm(gate, arrived);
            Assert.Equal((int)Errno.EIO, dax.Map(0));
            Assert.True(arrived.IsSet);
            Assert.Equal((0, 0), dax.Counts);
            dax.Window.OnRequest = null;
            gate.Set();

            Assert.Equal(0, dax.Map(0));

            Assert.Equal([true, false, true], dax.Window.Requests.Select(request => request.IsMap));
            Assert.Empty(dax.Window.Refusals);
            Assert.Equal((1, 1), dax.Counts);
            dax.LoseVmm();
            ServeNext(dax, copied: false);
        }));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_vmm_that_dies_while_its_guest_mounts_leaves_nothing(bool channelFirst)
    {
        using var dax = Setup(copied: false);
        Assert.Null(OpenDescriptors.LeftBy(() =>
        {
            dax.LoseVmm();
            dax.Machine.ResetQueues();
            dax.Machine.Connect(dax.Host.SocketPath);
            dax.Machine.Start();
            using var gate = new ManualResetEventSlim();
            using var arrived = new ManualResetEventSlim();
            dax.HoldVmm(gate, arrived, WindowAnswer.Die);
            var init = dax.Post(dax.Fuse.BeginInit());
            arrived.Wait();

            if (channelFirst)
                gate.Set();
            dax.Machine.CutConnection();
            dax.Host.WaitListening();
            Assert.Equal(0, dax.Finish(init));
            gate.Set();
            dax.Machine.Disconnect();

            ServeNext(dax, copied: false);
        }));
    }
}
