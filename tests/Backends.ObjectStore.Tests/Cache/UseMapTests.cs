using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Core.Interop;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Cache;

public sealed class UseMapTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-use").FullName;
    readonly StoppedClock _clock = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task What_servers_note_is_swept_into_the_times_of_use_and_outlives_the_keeper()
    {
        var layer = MadeLayer.Gzip(30, 300_000);
        var files = layer.Create(_folder, PieceState.Present);
        _clock.Minute = 1000;
        await using (var store = PieceStore.Open(files, () => layer, _clock))
        {
            var map = store.AddUseMap();
            using var server = new UseMapWriter(map.Descriptor, layer.PieceCount);
            server.Touch(3, 2);
            store.SweepUse();
            _clock.Minute = 1001;
            // Nothing new was noted.
            store.SweepUse();
            Assert.Equal([0u, 1000, 1000, 0], Enumerable.Range(2, 4).Select(piece => store.Use[piece]));
            server.Touch(4, 1);
            store.RemoveUseMap(map);
        }

        await using var next = PieceStore.Open(files, () => layer, _clock);
        Assert.Equal([0u, 1000, 1001, 0], Enumerable.Range(2, 4).Select(piece => next.Use[piece]));
    }

    [Fact]
    public async Task What_a_server_notes_when_its_keeper_is_gone_the_next_keeper_finds()
    {
        var layer = MadeLayer.Gzip(30, 300_000);
        var files = layer.Create(_folder, PieceState.Present);
        using var known = UseMap.Create(layer.PieceCount);
        using var server = new UseMapWriter(known.Descriptor, layer.PieceCount);
        server.Touch(3, 1);
        _clock.Minute = 1000;
        await using var store = PieceStore.Open(files, () => layer, _clock);

        using var descriptor = new FileDescriptor(Descriptors.Duplicate(known.Descriptor));
        store.AddUseMap(descriptor);
        store.SweepUse();
        Assert.Equal([0u, 1000, 0], Enumerable.Range(2, 3).Select(piece => store.Use[piece]));
        server.Touch(4, 1);
        store.SweepUse();
        Assert.Equal(1000u, store.Use[4]);
    }

    [Fact]
    public void What_is_no_use_map_of_the_layer_is_not_taken_for_one()
    {
        using var other = UseMap.Create(1000);
        Assert.Null(UseMap.TryAdopt(other.Descriptor, 100));
        // Whoever has one that is not sealed can cut it short under the keeper.
        using var loose = new FileDescriptor(MemoryMaps.CreateMemoryFile("loose"));
        Assert.Equal(0, FileSpace.SetLength(loose.Value, 1000));
        Assert.Null(UseMap.TryAdopt(loose.Value, 1000));
        Assert.Equal(0, MemoryMaps.SealSize(loose.Value));
        using var sealedNow = UseMap.TryAdopt(loose.Value, 1000);
        Assert.NotNull(sealedNow);
    }

    [Fact]
    public void A_server_notes_only_what_the_layer_has()
    {
        using var map = UseMap.Create(10);
        using var server = new UseMapWriter(map.Descriptor, 10);
        using var use = LastUse.Open(null, 10, _clock);
        _clock.Minute = 7;
        server.Touch(-1, 5);
        server.Touch(9, int.MaxValue);
        server.Touch(long.MaxValue, 2);
        map.Sweep(use);
        Assert.Equal([9], Enumerable.Range(0, 10).Where(piece => use[piece] != 0));
    }

    [Fact]
    public void A_server_cannot_cut_the_map_short()
    {
        using var map = UseMap.Create(10_000);
        Assert.Equal(-(int)Errno.EPERM, FileSpace.SetLength(map.Descriptor, 0));
        Assert.Throws<CacheException>(() => new UseMapWriter(map.Descriptor, 20_000));
    }

    [Fact]
    public void Times_are_kept_in_memory_where_there_is_no_file()
    {
        using var use = LastUse.Open(Path.Combine(_folder, "missing", "used"), 5, _clock);
        _clock.Minute = 9;
        use.Touch(1, 2);
        Assert.Equal([0u, 9, 9, 0, 0], Enumerable.Range(0, 5).Select(piece => use[piece]));
    }
}
