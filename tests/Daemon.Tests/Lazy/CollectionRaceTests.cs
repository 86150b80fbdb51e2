using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using VirtioFsStore.RealServers;
using Xunit;
using Xunit.Abstractions;

namespace VirtioFsStore.Daemon.Tests.Lazy;

/// <summary>All that can be dropped is dropped again and again while guests of two servers read.</summary>
public sealed class CollectionRaceTests(RemotePlaces places, ITestOutputHelper output) : IClassFixture<RemotePlaces>
{
    const int Depth = 24;

    [RealServerFact]
    public async Task Guests_read_on_while_everything_is_dropped_under_them()
    {
        await using var setup = await LazySetup.CreateAsync(places, PlaceKind.Registry);
        using var first = setup.Serve("first");
        using var second = setup.Serve("second");
        using var left = setup.Boot("first");
        using var right = setup.Boot("second");
        using var stop = new CancellationTokenSource();
        var guests = new[] { Read(left, 1), Read(right, 2) };

        var rounds = Rounds.Of(4);
        var counts = ImageCountsLine.Ask(first);
        for (var round = 0; round < rounds && !guests.Any(guest => guest.IsFaulted); round++)
        {
            // One that finds nothing races with nothing.
            Assert.True(SpinWait.SpinUntil(() => ImageCountsLine.Ask(first).Present > 0, LazySetup.Wait));
            var (code, text, error) = Daemon.Run("cache", "gc", "--keep", "0", "--store", setup.Store);
            Assert.True(code == 0, text + error);
            var before = counts;
            counts = ImageCountsLine.Ask(first);
            Assert.True(counts.Evicted > before.Evicted, $"Round {round} has dropped nothing: {before}, {counts}");
        }
        await stop.CancelAsync();
        var reads = await Task.WhenAll(guests);

        output.WriteLine($"{rounds} collections, {reads.Sum()} reads, {ImageCountsLine.Ask(first)}");
        Assert.All(reads, count => Assert.True(count > 0));
        Assert.True(counts.Misses > 0, $"{counts}");
        setup.AssertAllRight(left.Fuse);
        setup.AssertAllRight(right.Fuse);

        Task<int> Read(VirtualMachine machine, int seed) => Task.Factory.StartNew(
            () =>
            {
                var random = new Random(seed);
                var count = 0;
                for (; !stop.IsCancellationRequested; count += Depth)
                {
                    var reads = new RandomReads(machine, places.Image, random, Depth);
                    reads.TakeAll();
                    Assert.Equal(0, reads.Failures);
                }
                return count;
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }
}
