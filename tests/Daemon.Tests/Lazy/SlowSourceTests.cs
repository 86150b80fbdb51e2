using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.FaultProxy;
using VirtioFsStore.RealServers;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Lazy;

/// <summary>A source that does not answer for a while, or not at all.</summary>
public sealed class SlowSourceTests(RemotePlaces places) : IClassFixture<RemotePlaces>
{
    [RealServerTheory]
    [InlineData(PlaceKind.Bucket)]
    [InlineData(PlaceKind.Registry)]
    public async Task What_is_there_is_answered_while_a_miss_on_the_same_queue_waits(PlaceKind kind)
    {
        await using var setup = await LazySetup.CreateAsync(places, kind);
        using var server = setup.Serve();
        using var machine = setup.Boot();
        var fuse = machine.Fuse;
        setup.AssertRight(fuse, KnownImage.OtherFile);
        var node = fuse.Walk(KnownImage.LargeFile).NodeId;
        var release = new TaskCompletionSource();
        setup.Proxy.Inject(new Fault { HoldUntil = release.Task }, int.MaxValue);
        var before = setup.Proxy.Requests.Count;

        var miss = fuse.BeginRead(node, 0, 0, 10_000);
        fuse.Requests.Post(miss);
        fuse.Requests.Notify();
        await setup.Proxy.WaitForRequestsAsync(before + 1);
        setup.AssertRight(fuse, KnownImage.OtherFile);
        Assert.NotEmpty(fuse.ListDirectory("lower"));
        Assert.False(miss.IsDone);

        release.SetResult();
        fuse.Requests.WaitFor(miss);
        FuseQueue.Check(miss);
        Assert.Equal(setup.Image.Files[KnownImage.LargeFile].AsSpan(0, 10_000), miss.Body);
    }

    [RealServerTheory]
    [InlineData(PlaceKind.Bucket)]
    [InlineData(PlaceKind.Registry)]
    [InlineData(PlaceKind.Registry, "--sandbox=none")]
    public async Task A_read_whose_source_hangs_fails_and_the_next_one_is_right(PlaceKind kind, params string[] more)
    {
        await using var setup = await LazySetup.CreateAsync(places, kind);
        setup.Learn();
        using var server = setup.Serve(more: ["--io-timeout", "2s", .. more]);
        using var machine = setup.Boot();
        var node = machine.Fuse.Walk(KnownImage.LargeFile).NodeId;
        var never = new TaskCompletionSource();
        setup.Proxy.Inject(new Fault { HoldUntil = never.Task }, int.MaxValue);

        Assert.Equal((int)Errno.EIO, machine.Fuse.Read(node, 0, 0, 10_000).Error);

        setup.Proxy.Heal();
        setup.AssertAllRightInTheEnd(machine.Fuse);
        Assert.False(server.HasExited);
    }
}
