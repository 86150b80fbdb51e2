using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Core.Interop;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Cache;

public sealed class PieceStoreTests : IDisposable
{
    static readonly Guid s_boot = new("11111111-2222-3333-4444-555555555555");
    static readonly Guid s_nextBoot = new("99999999-8888-7777-6666-555555555555");

    readonly string _folder = Directory.CreateTempSubdirectory("vfs-pieces").FullName;
    readonly MadeLayer _layer = MadeLayer.Gzip(20, 800_000);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    PieceStore Open(LayerFiles files, Guid? boot = null) => Open(new TestFiles(files), boot);

    PieceStore Open(TestFiles disk, Guid? boot = null) =>
        new(disk, () => _layer, boot ?? s_boot, LastUse.Open(null, _layer.PieceCount, TimeProvider.System), NullLogger.Instance);

    static byte[] Header(LayerFiles files) => File.ReadAllBytes(files.State)[..StateFile.HeaderSize];

    static Guid BootId(LayerFiles files) => new(Header(files).AsSpan(StateFile.BootIdOffset, 16));

    static void Damage(LayerFiles files, Piece piece)
    {
        using var data = File.OpenHandle(files.Data, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        var one = new byte[1];
        RandomAccess.Read(data, one, piece.DataOffset);
        one[0] ^= 1;
        RandomAccess.Write(data, one, piece.DataOffset);
    }

    [Fact]
    public async Task Marks_of_a_synced_cache_are_trusted_in_every_boot()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        await using (var store = Open(files))
        {
            store.Evict(0, 3);
            Assert.Equal(s_boot, BootId(files));
        }

        Assert.Equal(Guid.Empty, BootId(files));
        await using var next = Open(files, s_nextBoot);
        var statistics = next.GetStatistics();
        Assert.Equal((_layer.PieceCount - 3, 0L), (statistics.Present, statistics.Suspect));
    }

    [Fact]
    public async Task Marks_of_another_boot_are_in_doubt_until_their_bytes_were_looked_at()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        var killed = Open(files);
        killed.Evict(0, 1);
        Damage(files, _layer.Pieces[4]);

        await using var store = Open(files, s_nextBoot);
        using var reader = new ProtocolReader(_layer, files);
        Assert.Equal(_layer.PieceCount - 1, store.GetStatistics().Suspect);
        Assert.Equal(0, reader.PresentCount());
        var result = await store.VerifyAsync(null, default);
        Assert.Equal([4L], result.Damaged);
        Assert.Equal(_layer.PieceCount - 1, result.Pieces);
        Assert.Equal(_layer.PieceCount - 2, reader.PresentCount());
        reader.AssertRight();
    }

    [Fact]
    public async Task Marks_in_doubt_are_compared_even_where_nothing_can_be_noted()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        Open(files).Evict(0, 1);
        // Has all in doubt, and ends as it should: the next has nothing to note.
        await Open(new TestFiles(files) { Writes = 0 }, s_nextBoot).DisposeAsync();
        Damage(files, _layer.Pieces[4]);
        var disk = new TestFiles(files) { Writes = 0 };
        await using var store = Open(disk, s_nextBoot);
        Assert.Equal(PieceState.Suspect, store.StateOf(4));

        disk.SyncStateError = Errno.EIO;
        var result = await store.VerifyAsync(null, default);
        disk.SyncStateError = Errno.None;

        Assert.Equal([4L], result.Damaged);
        Assert.Equal(_layer.PieceCount - 1, result.Pieces);
        Assert.Equal((PieceState.Absent, PieceState.Suspect), (store.StateOf(4), store.StateOf(5)));
    }

    [Fact]
    public async Task Marks_outlive_a_keeper_that_was_killed_in_the_same_boot()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        var killed = Open(files);
        killed.Evict(0, 1);

        await using var store = Open(files);
        Assert.Equal(_layer.PieceCount - 1, store.GetStatistics().Present);
    }

    [Fact]
    public async Task A_keeper_that_was_killed_while_it_synced_leaves_marks_in_doubt()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        var disk = new TestFiles(files);
        var killed = Open(disk);
        killed.Evict(0, 1);
        disk.SetSyncing(true);

        await using var store = Open(files);
        Assert.Equal(_layer.PieceCount - 1, store.GetStatistics().Suspect);
    }

    [Fact]
    public async Task After_a_sync_that_failed_nothing_is_present_before_it_was_verified_and_written_again()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        var disk = new TestFiles(files);
        await using var store = Open(disk);
        using var reader = new ProtocolReader(_layer, files);
        store.Evict(0, 1);
        disk.SyncDataError = Errno.EIO;
        Assert.Equal(Errno.EIO, await store.SyncAsync());
        Assert.Equal(0, reader.PresentCount());

        disk.SyncDataError = Errno.None;
        var before = disk.Log.Length;
        await store.VerifyAsync(null, default);
        Assert.Equal(_layer.PieceCount - 1, reader.PresentCount());
        var written = disk.Log.Skip(before).Where(write => write is { IsData: true, IsSync: false }).Sum(write => write.Bytes!.Length);
        Assert.Equal(_layer.Pieces.Skip(1).Sum(piece => piece.Length), written);
        reader.AssertRight();
    }

    [Fact]
    public async Task What_changes_during_a_sync_keeps_the_marks_in_doubt_until_the_next()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        var disk = new TestFiles(files);
        await using var store = Open(disk);
        store.Evict(0, 1);
        disk.DuringSyncData = () => store.Evict(1, 1);
        Assert.Equal(Errno.None, await store.SyncAsync());
        Assert.Equal(s_boot, BootId(files));
        disk.DuringSyncData = null;
        Assert.Equal(Errno.None, await store.SyncAsync());
        Assert.Equal(Guid.Empty, BootId(files));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Files_that_someone_else_wrote_while_they_were_closed_are_verified_before_they_are_used(bool writesState)
    {
        var files = _layer.Create(_folder, PieceState.Present);
        // Whose pages are its own, and not all zeros.
        var piece = _layer.Pieces.MaxBy(piece => _layer.Stream.AsSpan((int)piece.StreamOffset, (int)piece.Length).ToArray().Count(value => value != 0));
        // A layer as its builder left it, or one that the cache has worked with.
        await using (var store = PieceStore.Open(files, () => _layer))
            if (writesState) store.Evict(piece.Id, 1);

        if (writesState)
        {
            var state = await File.ReadAllBytesAsync(files.State);
            state[StateFile.HeaderSize + piece.Id * StateFile.WordSize] = (byte)PieceState.Present;
            await File.WriteAllBytesAsync(files.State, state);
        }
        else
        {
            Damage(files, piece);
        }

        await using var next = PieceStore.Open(files, () => _layer);
        using var reader = new ProtocolReader(_layer, files);
        Assert.Equal(0, reader.PresentCount());
        Assert.Equal([piece.Id], (await next.VerifyAsync(null, default)).Damaged);
        Assert.Equal(_layer.PieceCount - 1, reader.PresentCount());
        reader.AssertRight();
    }

    [Fact]
    public async Task Files_that_nobody_wrote_are_trusted_by_the_next_keeper()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        for (var i = 0; i < 3; i++)
        {
            await using var store = PieceStore.Open(files, () => _layer);
            Assert.Equal(_layer.PieceCount - i, store.GetStatistics().Present);
            store.Evict(i, 1);
        }
    }

    [Fact]
    public void No_hole_is_made_before_the_disk_knows_that_marks_are_in_doubt()
    {
        var disk = new TestFiles(_layer.Create(_folder, PieceState.Present));
        Open(disk).Evict(0, 10);
        AssertHeaderComesFirst(disk.Log);
    }

    [Fact]
    public void Leftovers_are_dropped_only_when_the_disk_knows_that_marks_are_in_doubt()
    {
        var files = _layer.Create(_folder);
        File.WriteAllBytes(files.Data, _layer.Content);
        var disk = new TestFiles(files);
        Open(disk).DropLeftovers();
        AssertHeaderComesFirst(disk.Log);
    }

    [Fact]
    public void Nothing_is_written_before_the_disk_knows_that_marks_are_in_doubt()
    {
        var disk = new TestFiles(_layer.Create(_folder));
        Begin(Open(disk), _layer.Pieces[0]);
        AssertHeaderComesFirst(disk.Log);
    }

    [Fact]
    public async Task A_keeper_that_is_killed_in_the_middle_of_a_piece_leaves_no_marks_in_doubt()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        var killed = Open(files);
        killed.Evict(0, 1);
        Assert.Equal(Errno.None, await killed.SyncAsync());
        Begin(killed, _layer.Pieces[0]);
        Assert.Equal(s_boot, BootId(files));

        await using var store = Open(files);
        Assert.Equal(_layer.PieceCount - 1, store.GetStatistics().Present);
    }

    [Fact]
    public async Task A_sync_vouches_for_nothing_while_a_piece_is_written()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        await using var store = Open(files);
        store.Evict(0, 1);
        Begin(store, _layer.Pieces[0]);
        Assert.Equal(Errno.None, await store.SyncAsync());
        Assert.Equal(s_boot, BootId(files));

        ((IPieceTarget)store).Finish(_layer.Pieces[0], right: false);
        Assert.Equal(Errno.None, await store.SyncAsync());
        Assert.Equal(Guid.Empty, BootId(files));
    }

    [Fact]
    public async Task After_a_header_that_may_be_zeros_on_the_disk_nothing_is_dropped_before_it_is_mended()
    {
        var disk = new TestFiles(_layer.Create(_folder, PieceState.Present));
        await using var store = Open(disk);
        store.Evict(0, 1);
        disk.AfterSeal = () => disk.SyncStateError = Errno.EIO;
        Assert.Equal(Errno.EIO, await store.SyncAsync());
        var before = disk.Log.Length;

        store.Evict(1, 5);
        Assert.DoesNotContain(disk.Log.Skip(before), write => write.IsData);
        disk.AfterSeal = null;
        disk.SyncStateError = Errno.None;
        store.Evict(1, 5);
        AssertHeaderComesFirst(disk.Log[before..]);
    }

    [Fact]
    public void A_header_of_a_keeper_that_was_killed_is_synced_before_it_is_relied_upon()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        Open(files).Evict(0, 1);
        var disk = new TestFiles(files);
        Open(disk);
        Assert.Contains(disk.Log, write => write is { IsData: false, IsSync: true });
    }

    static void Begin(PieceStore store, Piece piece)
    {
        IPieceTarget target = store;
        Assert.Equal(Errno.None, target.TryBegin(piece, out var outcome));
        Assert.Equal(BeginOutcome.Begun, outcome);
        Assert.Equal(Errno.None, target.Write(piece, 0, "half"u8));
    }

    static void AssertHeaderComesFirst(DiskWrite[] log)
    {
        var header = Array.FindIndex(log, write => write is { IsData: false, Offset: StateFile.BootIdOffset });
        var synced = Array.FindIndex(log, write => write is { IsData: false, IsSync: true });
        var written = Array.FindIndex(log, write => write is { IsData: true });
        Assert.True(header >= 0 && header < synced && synced < written, $"header {header}, synced {synced}, written {written}");
    }

    [Fact]
    public void Where_the_state_cannot_be_synced_nothing_is_evicted()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        var disk = new TestFiles(files) { SyncStateError = Errno.EIO };
        var store = Open(disk);
        Assert.Equal(default, store.Evict(0, _layer.PieceCount));
        using var reader = new ProtocolReader(_layer, files);
        reader.AssertComplete();
    }

    [Fact]
    public async Task What_is_evicted_gives_its_pages_back_and_leaves_its_neighbours()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        await using var store = Open(files);
        using var reader = new ProtocolReader(_layer, files);
        var before = store.AllocatedBytes;
        foreach (var piece in _layer.Pieces.Where(piece => piece.Id % 3 == 1)) store.Evict(piece.Id, 1);
        Assert.All(_layer.Pieces, piece => Assert.Equal(piece.Id % 3 == 1 ? null : true, reader.Read(piece)));
        Assert.True(store.AllocatedBytes < before);
        store.Evict(0, _layer.PieceCount);
        Assert.Equal(0, reader.PresentCount());

        // Of three owners of a page the last may not know the first; such pages stay.
        var crowded = _layer.Pieces.SelectMany(piece => new[] { DataPages.Down(piece.DataOffset), DataPages.Down(piece.DataOffset + piece.Length - 1) }.Distinct())
            .CountBy(page => page).Where(page => page.Value > 2).Select(page => page.Key).ToHashSet();
        var data = await File.ReadAllBytesAsync(files.Data);
        Assert.All(Enumerable.Range(0, data.Length / DataPages.Size), page => Assert.True(
            crowded.Contains((long)page * DataPages.Size) || !data.AsSpan(page * DataPages.Size, DataPages.Size).ContainsAnyExcept((byte)0), $"page {page} stays"));
    }

    [Fact]
    public async Task A_piece_counts_its_evictions()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        await using var store = Open(files);
        using var reader = new ProtocolReader(_layer, files);
        store.Evict(2, 1);
        Assert.Equal(StateFile.Word(PieceState.Absent, 1), reader.Word(2));
        store.Evict(2, 1);
        Assert.Equal(StateFile.Word(PieceState.Absent, 1), reader.Word(2));
    }

    [Fact]
    public async Task A_lock_on_another_description_pins_every_piece_that_touches_its_pages()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        await using var store = Open(files);
        using var reader = new ProtocolReader(_layer, files);
        var shared = _layer.Pieces.First(piece => piece.Id > 0 && piece.DataOffset % DataPages.Size != 0
            && DataPages.Down(piece.DataOffset) < _layer.Pieces[(int)piece.Id - 1].DataOffset + _layer.Pieces[(int)piece.Id - 1].Length);
        var page = new ByteRangeLock { Type = FileLocks.F_RDLCK, Start = DataPages.Down(shared.DataOffset), Length = DataPages.Size };
        Assert.Equal(0, FileLocks.SetRange(reader.Descriptor, page));

        var result = store.Evict(0, _layer.PieceCount);
        var touching = _layer.Pieces.Where(piece => piece.DataOffset < page.Start + page.Length && piece.DataOffset + piece.Length > page.Start).ToList();
        Assert.True(touching.Count >= 2);
        Assert.Equal(touching.Count, result.Pinned);
        Assert.Equal(touching.Select(piece => piece.Id), _layer.Pieces.Where(piece => reader.IsPresent(piece.Id)).Select(piece => piece.Id));
        reader.AssertRight();

        page.Type = FileLocks.F_UNLCK;
        Assert.Equal(0, FileLocks.SetRange(reader.Descriptor, page));
        Assert.Equal(touching.Count, store.Evict(0, _layer.PieceCount).Pieces);
    }

    [Fact]
    public async Task A_damaged_piece_that_is_pinned_is_absent_but_keeps_its_pages()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        await using var store = Open(files);
        using var reader = new ProtocolReader(_layer, files);
        var piece = _layer.Pieces.MaxBy(piece => piece.Length);
        Damage(files, piece);
        Assert.Equal(0, FileLocks.SetRange(reader.Descriptor, new ByteRangeLock { Type = FileLocks.F_RDLCK, Start = DataPages.Down(piece.DataOffset), Length = DataPages.Size }));
        var before = store.AllocatedBytes;
        Assert.Equal([piece.Id], (await store.VerifyAsync(null, default)).Damaged);
        Assert.False(reader.IsPresent(piece.Id));
        Assert.Equal(before, store.AllocatedBytes);
    }

    [Fact]
    public void Files_of_another_layer_are_refused()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        var other = MadeLayer.Gzip(21, 300_000);
        var store = PieceStore.Open(files, () => other);
        Assert.Contains("index", Assert.Throws<CacheException>(() => store.Evict(0, 1)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    [InlineData(16)]
    public void A_damaged_header_is_an_error_that_says_what_to_do(int offset)
    {
        var files = _layer.Create(_folder, PieceState.Present);
        var state = File.ReadAllBytes(files.State);
        state[offset] ^= 1;
        File.WriteAllBytes(files.State, state);
        Assert.Contains("delete", Assert.Throws<CacheException>(() => PieceStore.Open(files, () => _layer)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Damage_anywhere_gives_no_wrong_byte_once_it_was_verified()
    {
        for (var seed = 0; seed < Repeats.Of(20); seed++)
        {
            var random = new Random(seed);
            var folder = Directory.CreateDirectory(Path.Combine(_folder, $"{seed}")).FullName;
            var files = _layer.Create(folder, seed % 2 == 0 ? PieceState.Present : PieceState.Absent);
            foreach (var path in new[] { files.Data, files.State })
            {
                var bytes = await File.ReadAllBytesAsync(path);
                for (var i = 0; i < 40; i++)
                {
                    var start = random.Next(path == files.State ? StateFile.BootIdOffset : 0, bytes.Length);
                    random.NextBytes(bytes.AsSpan(start, Math.Min(random.Next(1, 20), bytes.Length - start)));
                    // Not only noise: marks of pieces that were never there.
                    if (path == files.State) bytes[StateFile.HeaderSize + random.Next((int)_layer.PieceCount) * StateFile.WordSize] = 1;
                }

                await File.WriteAllBytesAsync(path, bytes);
            }

            await using var store = Open(files);
            using var reader = new ProtocolReader(_layer, files);
            await store.VerifyAsync(null, default);
            reader.AssertRight();
        }
    }
}
