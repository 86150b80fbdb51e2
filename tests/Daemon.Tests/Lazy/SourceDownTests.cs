using VirtioFsStore.Core.Interop;
using VirtioFsStore.RealServers;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Lazy;

/// <summary>A source that nobody answers at, and tags that move.</summary>
public sealed class SourceDownTests(RemotePlaces places) : IClassFixture<RemotePlaces>
{
    [RealServerTheory]
    [InlineData(PlaceKind.Bucket)]
    [InlineData(PlaceKind.Registry)]
    public async Task A_guest_goes_on_with_what_is_there_and_gets_the_rest_when_the_source_is_back(PlaceKind kind)
    {
        await using var setup = await LazySetup.CreateAsync(places, kind);
        Fetch(setup);
        using var server = setup.Serve(more: ["--io-timeout", "1s"]);
        using var machine = setup.Boot();

        setup.TakeDown();
        setup.AssertRight(machine.Fuse, KnownImage.OtherFile);
        Assert.NotEmpty(machine.Fuse.ListDirectory("lower", plus: true));
        Assert.Equal((int)Errno.EIO, machine.Fuse.Read(machine.Fuse.Walk(KnownImage.LargeFile).NodeId, 0, 0, 10_000).Error);
        setup.AssertRight(machine.Fuse, KnownImage.OtherFile);

        setup.Proxy.Heal();
        setup.AssertAllRightInTheEnd(machine.Fuse);
    }

    /// <summary>A file that is there from now on.</summary>
    static void Fetch(LazySetup setup)
    {
        using var server = setup.Serve();
        using var machine = setup.Boot();
        setup.AssertRight(machine.Fuse, KnownImage.OtherFile);
    }

    [RealServerTheory]
    [InlineData(PlaceKind.Bucket)]
    [InlineData(PlaceKind.Registry)]
    public async Task An_image_that_the_store_knows_starts_while_its_source_is_down(PlaceKind kind)
    {
        await using var setup = await LazySetup.CreateAsync(places, kind);
        var digest = await places.TagAsync(kind, "v1", "known");
        Fetch(setup);

        setup.TakeDown();
        var byDigest = setup.Reference[..^":v1".Length] + "@" + digest;
        foreach (var (reference, pull) in new[] { (setup.Reference, "missing"), (byDigest, "always") })
        {
            var requests = setup.Proxy.Requests.Count;
            using var server = setup.ServeReference("again", reference, "--pull", pull, "--io-timeout", "1s");
            using var machine = setup.Boot("again");
            setup.AssertRight(machine.Fuse, KnownImage.OtherFile);
            Assert.Equal(requests, setup.Proxy.Requests.Count);
            Assert.Equal((int)Errno.EIO, machine.Fuse.Read(machine.Fuse.Walk(KnownImage.LargeFile).NodeId, 0, 0, 10_000).Error);
        }
        var (code, error) = setup.Refused(setup.Reference, "--pull", "always", "--io-timeout", "1s");
        Assert.Equal(1, code);
        Assert.Contains(kind == PlaceKind.Bucket ? "s3://images/web" : setup.Proxy.Host, error, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled", error, StringComparison.Ordinal);

        setup.Proxy.Heal();
        using var healed = setup.Serve(more: ["--pull", "always"]);
        using var guest = setup.Boot();
        setup.AssertAllRight(guest.Fuse);
    }

    [RealServerTheory]
    [InlineData(PlaceKind.Bucket)]
    [InlineData(PlaceKind.Registry)]
    public async Task What_the_store_does_not_know_is_not_asked_for_where_that_is_forbidden(PlaceKind kind)
    {
        await using var setup = await LazySetup.CreateAsync(places, kind);

        var (code, error) = setup.Refused(setup.Reference, "--pull", "never");

        Assert.Equal(1, code);
        Assert.Contains("--pull=never", error, StringComparison.Ordinal);
        Assert.Contains(setup.Reference, error, StringComparison.Ordinal);
        Assert.Empty(setup.Proxy.Requests);
    }

    [RealServerTheory]
    [InlineData(PlaceKind.Bucket)]
    [InlineData(PlaceKind.Registry)]
    public async Task A_tag_that_moved_is_followed_only_where_it_is_to_be(PlaceKind kind)
    {
        await using var setup = await LazySetup.CreateAsync(places, kind);
        await places.TagAsync(kind, "v1", "moving");
        AssertServes("missing", places.Image);

        await places.TagAsync(kind, "v2", "moving");
        AssertServes("missing", places.Image);
        AssertServes("never", places.Image);
        AssertServes("always", places.Changed);
        // That is what the tag means from now on.
        AssertServes("missing", places.Changed);

        void AssertServes(string pull, KnownImage image)
        {
            using var server = setup.ServeReference("vfs", setup.ReferenceTo("moving"), "--pull", pull);
            using var machine = setup.Boot();
            LazySetup.AssertAllRight(machine.Fuse, image);
        }
    }
}
