using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Tests.Cache;
using VirtioFsStore.Backends.ObjectStore.Tests.Resilience;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Fetching;

public sealed class FullDiskTests : IAsyncDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-full").FullName;
    readonly MadeLayer _layer = MadeLayer.Gzip(70, 1_500_000);
    readonly LayerFiles _files;
    readonly TestFiles _disk;
    readonly PieceStore _store;
    readonly ChunkCollector _collector;
    readonly StagedSource _source;
    readonly LayerCache _cache;

    public FullDiskTests()
    {
        _files = _layer.Create(_folder);
        _disk = new TestFiles(_files);
        _store = new PieceStore(_disk, () => _layer, BootIdentity.Read(), LastUse.Open(null, _layer.PieceCount, TimeProvider.System), NullLogger.Instance);
        _collector = new ChunkCollector(() => [_store]);
        _source = new StagedSource(_layer.Blob);
        _cache = new LayerCache(_store, _ => new(_source), CacheFixture.Plain with { MakeRoom = _collector.MakeRoomAsync });
    }

    public async ValueTask DisposeAsync()
    {
        await _cache.DisposeAsync();
        _collector.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task On_a_full_disk_what_was_used_longest_ago_makes_way()
    {
        _disk.Room = 400_000;
        using var reader = new ProtocolReader(_layer, _files);
        foreach (var piece in _layer.Pieces)
        {
            Assert.Equal(Errno.None, await _cache.EnsureAsync(piece.Id, 1, null, default));
            reader.AssertRight();
        }

        Assert.True(_store.AllocatedBytes <= 400_000 + DataPages.Size);
        Assert.True(_store.Counters.Read().PiecesEvicted > 0);
    }

    [Fact]
    public async Task Where_nothing_gives_way_ranges_are_read_through_memory()
    {
        _disk.Room = 0;
        using var reader = new ProtocolReader(_layer, _files);
        Assert.Equal(Errno.ENOSPC, await _cache.EnsureAsync(5, 1, null, default));
        Assert.Equal(0, reader.PresentCount());
        var random = new Random(1);
        for (var i = 0; i < 30; i++)
        {
            var first = random.Next((int)_layer.PieceCount - 3);
            var last = first + random.Next(3);
            var start = _layer.Pieces[first].DataOffset + random.NextInt64(_layer.Pieces[first].Length);
            var end = _layer.Pieces[last].DataOffset + random.NextInt64(_layer.Pieces[last].Length);
            var length = (int)Math.Max(end - start, 1);
            var read = await _cache.ReadThroughAsync(first, last - first + 1, start, length, default);
            Assert.Equal(Errno.None, read.Error);
            using var memory = read.Memory!;
            Assert.Equal(_layer.Content[(int)start..((int)start + length)], ReadAll(memory, length));
        }

        Assert.Equal(0, _store.AllocatedBytes);
        Assert.Equal(30, _store.Counters.Read().ReadThroughs);
    }

    [Fact]
    public async Task What_goes_on_is_said_once_a_minute()
    {
        _disk.Room = 0;
        var (logger, clock) = (new CollectingLogger(), new ManualClock());
        await using var cache = new LayerCache(_store, _ => new(_source), CacheFixture.Plain with { Clock = clock }, logger);
        for (var i = 0; i < 5; i++) Assert.Equal(Errno.ENOSPC, await cache.EnsureAsync(i, 1, null, default));
        Assert.Contains("is full", Assert.Single(logger.Lines).Text, StringComparison.Ordinal);
        clock.Advance(TimeSpan.FromMinutes(1));
        for (var i = 0; i < 5; i++) Assert.Equal(Errno.ENOSPC, await cache.EnsureAsync(i, 1, null, default));
        Assert.Equal(2, logger.Lines.Count);
    }

    [Fact]
    public async Task A_state_file_that_cannot_be_synced_for_want_of_room_is_a_full_disk()
    {
        _disk.SyncStateError = Errno.ENOSPC;
        using var reader = new ProtocolReader(_layer, _files);
        Assert.Equal(Errno.ENOSPC, await _cache.EnsureAsync(5, 1, null, default));
        Assert.DoesNotContain(_disk.Log, write => write.IsData);

        _disk.SyncStateError = Errno.None;
        Assert.Equal(Errno.None, await _cache.EnsureAsync(5, 1, null, default));
        Assert.True(reader.Read(_layer.Pieces[5]));
    }

    [Fact]
    public async Task What_is_read_through_is_verified_too()
    {
        _disk.Room = 0;
        _source.Tamper = (offset, bytes) => bytes.Span[bytes.Length / 2] ^= 4;
        var piece = _layer.Pieces.MaxBy(piece => piece.Length);
        var read = await _cache.ReadThroughAsync(piece.Id, 1, piece.DataOffset, 10, default);
        Assert.Equal((Errno.EIO, null), (read.Error, read.Memory));
        _source.Tamper = null;
        _source.BeforeRead = _ => throw new SourceException("gone");
        Assert.Equal(Errno.EIO, (await _cache.ReadThroughAsync(piece.Id, 1, piece.DataOffset, 10, default)).Error);
    }

    [Fact]
    public async Task Ranges_that_the_layer_has_not_are_refused()
    {
        foreach (var (first, count, offset, length) in new[]
        {
            (-1L, 1, 0L, 1), (0, 0, 0, 1), (_layer.PieceCount, 1, 0, 1), (0, 1, -1, 1), (0, 1, 0, 0), (0, 1, _layer.DataSize, 1), (0, 1, 0, LayerCache.MaxReadThrough + 1),
        })
            Assert.Equal(Errno.EINVAL, (await _cache.ReadThroughAsync(first, count, offset, length, default)).Error);
    }

    static unsafe byte[] ReadAll(FileDescriptor memory, int length)
    {
        var bytes = new byte[length];
        fixed (byte* buffer = bytes) Assert.Equal(length, FileIo.ReadAt(memory.Value, buffer, (nuint)length, 0));
        return bytes;
    }
}
