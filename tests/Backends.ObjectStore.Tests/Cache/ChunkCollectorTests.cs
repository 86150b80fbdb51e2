using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Cache;

public sealed class ChunkCollectorTests : IAsyncDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-collect").FullName;
    readonly StoppedClock _clock = new() { Minute = 100 };
    readonly MadeLayer[] _layers = [MadeLayer.Gzip(40, 900_000), MadeLayer.Gzip(41, 600_000)];
    readonly LayerFiles[] _files;
    readonly PieceStore[] _stores;
    readonly ChunkCollector _collector;

    public ChunkCollectorTests()
    {
        _files = [.. _layers.Select((layer, i) => layer.Create(Directory.CreateDirectory(Path.Combine(_folder, $"{i}")).FullName, PieceState.Present))];
        _stores = [.. _layers.Select((layer, i) => PieceStore.Open(_files[i], () => layer, _clock))];
        _collector = new ChunkCollector(() => _stores);
    }

    long Allocated => _stores.Sum(store => store.AllocatedBytes);

    public async ValueTask DisposeAsync()
    {
        _collector.Dispose();
        foreach (var store in _stores) await store.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task What_was_used_longest_ago_goes_first_whatever_layer_it_is_of()
    {
        // Every third piece of both was used lately; the others in between, and some never.
        for (var i = 0; i < 2; i++)
            foreach (var piece in _layers[i].Pieces)
            {
                _clock.Minute = piece.Id % 3 == 0 ? 500 : 200 + piece.Id % 50;
                if (piece.Id % 7 != 1 || piece.Id % 3 == 0) _stores[i].Use.Touch(piece.Id, 1);
            }

        var before = Allocated;
        var result = await _collector.CollectAsync(before * 3 / 4, default);
        Assert.Equal(before, result.Before);
        Assert.InRange(result.After, before / 2, before * 3 / 4);
        Assert.Equal(Allocated, result.After);
        var oldestThere = Minutes(present: true).Min();
        var youngestGone = Minutes(present: false).Max();
        Assert.True(youngestGone <= oldestThere, $"a piece of minute {youngestGone} went before one of {oldestThere}");
        Assert.True(youngestGone < 500);

        IEnumerable<uint> Minutes(bool present) => from i in Enumerable.Range(0, 2)
                                                   from piece in _layers[i].Pieces
                                                   where _stores[i].StateOf(piece.Id) == PieceState.Present == present
                                                   select _stores[i].Use[piece.Id];
    }

    [Fact]
    public async Task What_fits_is_left_alone()
    {
        var result = await _collector.CollectAsync(Allocated, default);
        Assert.Equal((0, result.Before), (result.Pieces, result.After));
    }

    [Fact]
    public async Task Pinned_pieces_stay_and_are_told()
    {
        using var reader = new ProtocolReader(_layers[0], _files[0]);
        Assert.Equal(0, FileLocks.SetRange(reader.Descriptor, new ByteRangeLock { Type = FileLocks.F_RDLCK, Start = 0, Length = 0 }));
        var result = await _collector.CollectAsync(0, default);
        Assert.Equal(_layers[1].PieceCount, result.Pieces);
        Assert.Equal(_layers[0].PieceCount, result.Pinned);
        reader.AssertComplete();
    }

    [Fact]
    public async Task Where_the_oldest_are_pinned_younger_ones_go()
    {
        using var reader = new ProtocolReader(_layers[0], _files[0]);
        Assert.Equal(0, FileLocks.SetRange(reader.Descriptor, new ByteRangeLock { Type = FileLocks.F_RDLCK, Start = 0, Length = 0 }));
        _clock.Minute = 200;
        _stores[0].Use.Touch(0, (int)_layers[0].PieceCount);
        _clock.Minute = 300;
        _stores[1].Use.Touch(0, (int)_layers[1].PieceCount);
        var keep = Allocated - (100 << 10);

        var result = await _collector.CollectAsync(keep, default);

        Assert.True(result.After <= keep, $"{result}, to keep {keep}");
        Assert.Equal(_layers[0].PieceCount, result.Pinned);
        Assert.InRange(_stores[1].GetStatistics().Present, 1, _layers[1].PieceCount - 1);
        reader.AssertComplete();
    }

    [Fact]
    public async Task Bytes_that_were_never_verified_are_given_back_first()
    {
        var store = _stores[0];
        store.Evict(0, _layers[0].PieceCount);
        var empty = Allocated;
        // What a keeper leaves that was killed while it filled pieces.
        await using (var data = File.OpenWrite(_files[0].Data)) await data.WriteAsync(_layers[0].Content);
        Assert.True(Allocated > empty);
        var result = await _collector.CollectAsync(empty + (64 << 10), default);
        Assert.Equal(0, result.Pieces);
        Assert.Equal(_layers[1].PieceCount, _stores[1].GetStatistics().Present);
    }

    [Fact]
    public async Task A_layer_that_was_filled_in_part_and_closed_gives_all_way_in_one_go_and_nobody_is_blamed()
    {
        var layer = MadeLayer.Gzip(42, 900_000);
        var files = layer.Create(Directory.CreateDirectory(Path.Combine(_folder, "part")).FullName);
        var logger = new CollectingLogger();
        await using (var store = Open())
        {
            IPieceTarget target = store;
            foreach (var piece in layer.Pieces.Where(piece => piece.Id % 2 == 0))
            {
                Assert.Equal(Errno.None, target.TryBegin(piece, out _));
                Assert.Equal(Errno.None, target.Write(piece, 0, layer.Content.AsSpan((int)piece.DataOffset, (int)piece.Length)));
                target.Finish(piece, right: true);
            }

            // What a file system has of its own beside the pieces, where it counts that to the file: here, pages of a hole.
            var hole = layer.Pieces.Zip(layer.Pieces.Skip(1)).First(pair => DataPages.Down(pair.Second.DataOffset) - DataPages.Up(pair.First.DataOffset + pair.First.Length) >= 4096);
            await using var data = File.OpenWrite(files.Data);
            data.Position = DataPages.Up(hole.First.DataOffset + hole.First.Length);
            await data.WriteAsync(new byte[4096]);
        }

        await using (var store = Open())
        {
            using var collector = new ChunkCollector(() => [store]);
            var result = await collector.CollectAsync(0, default);
            Assert.Equal((layer.PieceCount + 1) / 2, result.Pieces);
            Assert.False(store.AnyThere(0, layer.PieceCount));
        }

        await using (Open()) Assert.Empty(logger.Lines);

        PieceStore Open() => PieceStore.Open(files, () => layer, _clock, logger);
    }
}
