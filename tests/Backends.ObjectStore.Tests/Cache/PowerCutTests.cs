using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Tests.Decompression;
using VirtioFsStore.Backends.ObjectStore.Tests.Fetching;
using VirtioFsStore.Core.Interop;
using Xunit;
using Codec = VirtioFsStore.Backends.ObjectStore.Decompression.Compression;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Cache;

/// <summary>Replays prefixes of what a keeper wrote: with all of it, as after a kill, and with any part of what was not synced, as after a power
/// cut.</summary>
public sealed class PowerCutTests : IDisposable
{
    static readonly Guid s_boot = new("11111111-2222-3333-4444-555555555555");
    static readonly Guid s_nextBoot = new("99999999-8888-7777-6666-555555555555");

    readonly string _folder = Directory.CreateTempSubdirectory("vfs-cut").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task After_any_prefix_of_the_writes_every_byte_that_is_given_is_right()
    {
        for (var seed = 0; seed < Repeats.Of(2); seed++)
        {
            var layer = new MadeLayer(seed, 350_000, Codec.Gzip, data => Streams.Gzip(data), spanSize: 16 << 10, maxFile: 60_000);
            var (empty, log) = await WorkAsync(layer, seed);
            var random = new Random(seed);
            var data = new ModelFile(empty.Data);
            var state = new ModelFile(empty.State);
            var presentAfterCuts = 0;
            // The data file's time: in the cache, and the oldest that the disk may have.
            var (writes, syncedWrites) = (0, 0);
            foreach (var write in log)
            {
                var file = write.IsData ? data : state;
                if (!write.IsSync) file.Write(write.Offset, write.Bytes!);
                else if (write.Succeeded) file.Sync();
                else file.FailSync(random);
                if (write is { IsData: true, IsSync: false }) writes++;
                if (write is { IsData: true, IsSync: true, Succeeded: true }) syncedWrites = writes;
                // Just after a sync is when marks are trusted.
                if (!write.IsSync && random.Next(30) != 0) continue;
                presentAfterCuts += await CheckAsync(layer, data.Cut(random), state.Cut(random), random.Next(syncedWrites, writes + 1), s_nextBoot);
                await CheckAsync(layer, data.Cached, state.Cached, writes, s_boot);
            }

            // Were nothing ever there after a cut, nothing would have been tried.
            Assert.NotEqual(0, presentAfterCuts);
        }
    }

    /// <summary>A keeper's day: fetching, lies of the source, eviction, syncs of which some fail, verification.</summary>
    async Task<((byte[] Data, byte[] State) Empty, DiskWrite[] Log)> WorkAsync(MadeLayer layer, int seed)
    {
        var random = new Random(seed);
        var folder = Directory.CreateDirectory(Path.Combine(_folder, $"work{seed}")).FullName;
        var files = layer.Create(folder);
        var empty = (await File.ReadAllBytesAsync(files.Data), await File.ReadAllBytesAsync(files.State));
        var disk = new TestFiles(files) { Writes = 0 };
        var store = new PieceStore(disk, () => layer, s_boot, LastUse.Open(null, layer.PieceCount, TimeProvider.System), NullLogger.Instance);
        var source = new StagedSource(layer.Blob);
        var cache = new LayerCache(store, _ => new(source), CacheFixture.Plain);
        using var reader = new ProtocolReader(layer, files);
        for (var step = 0; step < 80; step++)
        {
            var piece = random.NextInt64(layer.PieceCount);
            var count = (int)Math.Min(random.Next(1, 20), layer.PieceCount - piece);
            switch (random.Next(10))
            {
                case < 4:
                    Assert.Equal(Errno.None, await cache.EnsureAsync(piece, count, null, default));
                    break;
                case 4:
                    source.Tamper = (offset, bytes) => bytes.Span[random.Next(bytes.Length)] ^= 1;
                    _ = await cache.EnsureAsync(piece, count, null, default);
                    source.Tamper = null;
                    break;
                case 5 or 6:
                    store.Evict(piece, Math.Min(count * 5, layer.PieceCount - piece));
                    break;
                case 7:
                    await store.VerifyAsync(null, default);
                    break;
                case 8 when random.Next(3) == 0:
                    disk.SyncDataError = Errno.EIO;
                    await store.SyncAsync();
                    disk.SyncDataError = Errno.None;
                    break;
                default:
                    Assert.Equal(Errno.None, await store.SyncAsync());
                    break;
            }
        }

        reader.AssertRight();
        await cache.DisposeAsync();
        return (empty, disk.Log);
    }

    /// <returns>How many pieces the next keeper did not have to fetch.</returns>
    async Task<int> CheckAsync(MadeLayer layer, byte[] data, byte[] state, long writes, Guid boot)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "check")).FullName;
        var files = new LayerFiles(Path.Combine(folder, "data"), Path.Combine(folder, "state"), null);
        await File.WriteAllBytesAsync(files.Data, data);
        await File.WriteAllBytesAsync(files.State, state);
        var store = new PieceStore(new TestFiles(files) { Writes = writes }, () => layer, boot, LastUse.Open(null, layer.PieceCount, TimeProvider.System), NullLogger.Instance);
        await using var cache = new LayerCache(store, _ => new(new StagedSource(layer.Blob)), CacheFixture.Plain);
        using var reader = new ProtocolReader(layer, files);
        reader.AssertRight();
        var present = reader.PresentCount();
        Assert.Equal(Errno.None, await cache.EnsureAsync(0, (int)layer.PieceCount, null, default));
        for (var piece = 0; piece < layer.PieceCount; piece++)
            Assert.Equal(Errno.None, await cache.EnsureAsync(piece, 1, null, default));
        reader.AssertComplete();
        return present;
    }
}
