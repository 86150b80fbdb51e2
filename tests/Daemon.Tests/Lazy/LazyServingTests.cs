using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Daemon.Tests.Nydus;
using VirtioFsStore.RealServers;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Lazy;

/// <summary>Images in a bucket and a registry, served by the program as a person starts it, from a store that has nothing at first.</summary>
public sealed class LazyServingTests(RemotePlaces places) : IClassFixture<RemotePlaces>
{
    [RealServerTheory]
    [InlineData(PlaceKind.Bucket)]
    [InlineData(PlaceKind.Registry)]
    [InlineData(PlaceKind.Bucket, "--sandbox=none")]
    [InlineData(PlaceKind.Registry, "--sandbox=none")]
    public async Task Only_what_is_read_is_fetched_and_a_second_start_asks_for_nothing(PlaceKind kind, params string[] more)
    {
        await using var setup = await LazySetup.CreateAsync(places, kind);
        using (var server = setup.Serve(more: more))
        {
            using var machine = setup.Boot();
            setup.AssertRight(machine.Fuse, KnownImage.OtherFile);

            var part = ImageCountsLine.Ask(server);
            Assert.InRange(part.Bytes, 1, part.Size / 2);
            Assert.InRange(part.Present, 1, part.Pieces - 1);
            Assert.InRange(setup.Proxy.BytesSent, part.Bytes, part.Size * 2 / 3);

            setup.AssertAllRight(machine.Fuse);
            var all = ImageCountsLine.Ask(server);
            Assert.Equal((all.Pieces, 0, 0), (all.Present, all.Failed, all.VerifyFailures));
            // Spans that meet in a block share a few bytes.
            Assert.InRange(all.Bytes, all.Size * 9 / 10, all.Size * 11 / 10);
            End(server);
        }

        var requests = setup.Proxy.Requests.Count;
        using var again = setup.Serve(more: [.. more, "--stats"]);
        using (var machine = setup.Boot())
            setup.AssertAllRight(machine.Fuse);

        End(again);
        Assert.Equal(requests, setup.Proxy.Requests.Count);
        var warm = ImageCountsLine.Last(again.ErrorText);
        Assert.Equal((0, 0, 0, warm.Pieces), (warm.Bytes, warm.Requests, warm.Misses, warm.Present));
    }

    [RealServerTheory]
    [InlineData(PlaceKind.Bucket)]
    [InlineData(PlaceKind.Registry)]
    public async Task An_image_is_mounted_through_the_api_and_its_metrics_tell_what_it_cost(PlaceKind kind)
    {
        await using var setup = await LazySetup.CreateAsync(places, kind);
        var socket = setup.PathOf("api.sock");
        using var daemon = ChildProcess.Start(
            Daemon.Program, ["virtiofs", "--apisock", socket, "--sock", setup.SocketOf("vfs"), "--store", setup.Store, "--log-level", "info"], environment: setup.Environment);
        var api = new ApiClient(socket);
        Assert.True(SpinWait.SpinUntil(() => api.Get("/api/v1/daemon").Json.GetProperty("state").GetString() == "RUNNING", LazySetup.Wait));
        using var machine = setup.Boot();

        var mounted = api.Mount("/rafs/1/lowerdir", "rafs", setup.Reference);
        Assert.True(mounted.Status == 204, mounted.Body);
        setup.AssertRight(machine.Fuse, KnownImage.LargeFile, "rafs/1/lowerdir/");

        var backend = api.Get("/api/v1/metrics/backend?id=/rafs/1/lowerdir").Json;
        Assert.Equal(kind == PlaceKind.Bucket ? "s3" : "registry", backend.GetProperty("backend_type").GetString());
        Assert.Equal(0, backend.GetProperty("read_errors").GetInt64());
        Assert.InRange(backend.GetProperty("read_amount_total").GetInt64(), KnownImage.LargeFileSize / 2, setup.Proxy.BytesSent);
        Assert.InRange(backend.GetProperty("read_count").GetInt64(), 1, 100);
        Assert.Equal(setup.Proxy.Host, backend.GetProperty("hosts")[0].GetProperty("name").GetString());
        var cache = api.Get("/api/v1/metrics/blobcache?id=/rafs/1/lowerdir").Json;
        Assert.Equal(0, cache.GetProperty("verify_failures").GetInt64());
        Assert.InRange(cache.GetProperty("entries_count").GetInt64(), 2, cache.GetProperty("pieces").GetInt64() - 1);
        Assert.InRange(cache.GetProperty("misses").GetInt64(), 1, cache.GetProperty("pieces").GetInt64());
        Assert.InRange(cache.GetProperty("total").GetInt64(), KnownImage.LargeFileSize / machine.Options.DataCapacity, long.MaxValue);

        setup.AssertAllRight(machine.Fuse, "rafs/1/lowerdir/");
        Assert.Equal(cache.GetProperty("pieces").GetInt64(), api.Get("/api/v1/metrics/blobcache?id=/rafs/1/lowerdir").Json.GetProperty("entries_count").GetInt64());
    }

    static void End(ChildProcess server)
    {
        server.Terminate();
        Assert.True(server.WaitForExit(LazySetup.Wait), server.ErrorText);
        Assert.True(server.ExitCode == 0, $"It ended with {server.ExitCode}. It wrote: {server.ErrorText}");
    }
}
