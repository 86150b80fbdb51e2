using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Tests.Cache;
using VirtioFsStore.Core.Interop;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Fetching;

public sealed class EvictionRaceTests
{
    const int Evictions = 100;

    [Fact]
    public async Task Readers_that_race_with_eviction_never_get_a_wrong_byte()
    {
        await using var fixture = new CacheFixture(MadeLayer.Gzip(50, 1_500_000));
        using var collector = new ChunkCollector(() => [fixture.Cache.Store]);
        var pieces = fixture.Layer.Pieces;
        var reading = Enumerable.Range(0, 3).Select(seed => Task.Run(() => ReadAsync(seed))).ToArray();
        var rounds = 0;
        for (var random = new Random(9); !Task.WhenAll(reading).IsCompleted; rounds++)
        {
            var first = random.NextInt64(pieces.Count);
            fixture.Cache.Store.Evict(first, random.NextInt64(pieces.Count - first) / 4);
            if (rounds % 16 == 0) await collector.CollectAsync(random.Next(1_000_000), default);
            if (rounds % 64 == 0) await fixture.Cache.Store.SyncAsync();
            if (rounds % 100 == 0) await fixture.Cache.Store.VerifyAsync(null, default);
            await Task.Yield();
        }

        await Task.WhenAll(reading);
        var counts = fixture.Cache.Store.Counters.Read();
        Assert.Equal(0, counts.VerifyFailures);
        Assert.True(counts.PiecesEvicted > Evictions, $"{counts}");
        Assert.True(counts.PiecesFilled > pieces.Count, $"{counts}");

        async Task ReadAsync(int seed)
        {
            var random = new Random(seed);
            var stream = new FetchStream();
            using var reader = new ProtocolReader(fixture.Layer, fixture.Files);
            // At least so often, and until eviction has had its turns: on a busy machine readers may be through before it begins.
            for (var i = 0; i < Repeats.Of(1500) || fixture.Cache.Store.Counters.Read().PiecesEvicted <= Evictions; i++)
            {
                var start = random.Next(pieces.Count);
                for (var piece = start; piece < Math.Min(start + random.Next(1, 6), pieces.Count); piece++)
                {
                    bool? right;
                    while ((right = reader.Read(pieces[piece])) is null)
                        Assert.Equal(Errno.None, await fixture.Cache.EnsureAsync(piece, 1, stream, default));
                    Assert.True(right, $"piece {piece}");
                }
            }
        }
    }
}
