using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.RealServers;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Cache;

/// <summary>A layer's data file in the hands of VMMs that map only what is open for writing.</summary>
public sealed class LendingTests : IDisposable
{
    const int Page = 4096;

    static readonly Guid s_boot = new("11111111-2222-3333-4444-555555555555");
    static readonly Guid s_nextBoot = new("99999999-8888-7777-6666-555555555555");

    readonly string _folder = Directory.CreateTempSubdirectory("vfs-lending").FullName;
    readonly MadeLayer _layer = MadeLayer.Gzip(21, 600_000);
    readonly LayerFiles _files;

    public LendingTests() => _files = _layer.Create(_folder, PieceState.Present);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    PieceStore Open(Guid? boot = null) =>
        new(new CacheFiles(_files.Data, _files.State), () => _layer, boot ?? s_boot, LastUse.Open(null, _layer.PieceCount, TimeProvider.System), NullLogger.Instance);

    static async Task<FileDescriptor> LendAsync(PieceStore store)
    {
        var (error, file) = await store.LendAsync();
        Assert.Equal(Errno.None, error);
        return file!;
    }

    [ImmutableFilesFact]
    public async Task Whoever_has_it_can_map_it_for_writing_and_cannot_write()
    {
        await using var store = Open();
        using var lent = await LendAsync(store);
        using var reader = new ProtocolReader(_layer, _files);

        Assert.Equal(Errno.EPERM, WritableMapping.WriteByte(lent.Value));
        Assert.Equal(-(int)Errno.EPERM, FileSpace.SetLength(lent.Value, Page));
        Assert.Equal(-(int)Errno.EPERM, FileSpace.Punch(lent.Value, 0, Page));
        Assert.Equal(-(int)Errno.EPERM, Descriptors.Open($"/proc/self/fd/{lent.Value}", OpenFlags.O_RDWR));
        using var mapped = new WritableMapping(lent.Value, _layer.DataSize);
        Assert.Equal(Errno.EFAULT, mapped.Store(Page));
        Assert.True(mapped.Bytes.SequenceEqual(_layer.Content));
        reader.AssertComplete();
        store.TakeBack();
    }

    [ImmutableFilesFact]
    public async Task Only_what_is_whole_is_lent()
    {
        await using var store = Open();
        store.Evict(0, 1);

        Assert.Equal(new LentData(Errno.ENODATA, null), await store.LendAsync());
        Assert.True(IsWritable());
    }

    [ImmutableFilesFact]
    public async Task Nothing_is_evicted_until_all_of_it_is_taken_back_and_closed()
    {
        await using var store = Open();
        var first = await LendAsync(store);
        var second = await LendAsync(store);

        Assert.Equal(new EvictResult(0, 0, _layer.PieceCount), store.Evict(0, _layer.PieceCount));
        first.Dispose();
        store.TakeBack();
        Assert.Equal(new EvictResult(0, 0, _layer.PieceCount), store.Evict(0, _layer.PieceCount));
        second.Dispose();
        store.TakeBack();
        Assert.Equal(_layer.PieceCount, store.Evict(0, _layer.PieceCount).Pieces);
    }

    [ImmutableFilesFact]
    public async Task A_mapping_that_outlives_the_borrower_keeps_all()
    {
        await using var store = Open();
        var lent = await LendAsync(store);
        var mapped = new WritableMapping(lent.Value, _layer.DataSize);
        lent.Dispose();
        store.TakeBack();

        Assert.Equal(_layer.PieceCount, store.Evict(0, _layer.PieceCount).Pinned);
        Assert.Equal(Errno.EFAULT, mapped.Store(0));
        // What could be lent is not there any more.
        Assert.Equal(new LentData(Errno.EBUSY, null), await store.LendAsync());

        mapped.Dispose();
        using (await LendAsync(store)) Assert.False(IsWritable());
        store.TakeBack();
        Assert.Equal(_layer.PieceCount, store.Evict(0, _layer.PieceCount).Pieces);
    }

    [ImmutableFilesFact]
    public async Task What_the_keeper_before_has_lent_stays_as_it_is_until_its_borrowers_end()
    {
        FileDescriptor lent;
        await using (var before = Open()) lent = await LendAsync(before);

        await using var store = Open();
        Assert.Equal(_layer.PieceCount, store.GetStatistics().Present);
        Assert.Equal(_layer.PieceCount, store.Evict(0, _layer.PieceCount).Pinned);
        Assert.Equal(new LentData(Errno.EBUSY, null), await store.LendAsync());
        Assert.Empty((await store.VerifyAsync(null, default)).Damaged);

        lent.Dispose();
        Assert.Equal(_layer.PieceCount, store.Evict(0, _layer.PieceCount).Pieces);
        Assert.True(IsWritable());
    }

    [ImmutableFilesFact]
    public async Task At_the_end_it_is_an_ordinary_file_whose_marks_are_trusted()
    {
        await using (var store = Open())
        {
            (await LendAsync(store)).Dispose();
            store.TakeBack();
            Assert.True(IsWritable());
            (await LendAsync(store)).Dispose();
            Assert.False(IsWritable());
        }

        Assert.True(IsWritable());
        await using var next = Open(s_nextBoot);
        Assert.Equal((_layer.PieceCount, 0L), (next.GetStatistics().Present, next.GetStatistics().Suspect));
    }

    [ImmutableFilesFact]
    public async Task A_damaged_piece_is_not_written_while_it_is_lent()
    {
        var piece = _layer.Pieces[3];
        var disk = new TestFiles(_files);
        await using var store = new PieceStore(disk, () => _layer, s_boot, LastUse.Open(null, _layer.PieceCount, TimeProvider.System), NullLogger.Instance);
        using (var data = File.OpenHandle(_files.Data, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
            RandomAccess.Write(data, [(byte)~_layer.Content[piece.DataOffset]], piece.DataOffset);
        var lent = await LendAsync(store);

        Assert.Single((await store.VerifyAsync(null, default)).Damaged);
        Assert.True(store.IsAbsentPinned(piece.Id, 1));
        IPieceTarget target = store;
        Assert.Equal(Errno.None, target.TryBegin(piece, out var outcome));
        Assert.Equal(BeginOutcome.Pinned, outcome);
        Assert.Equal(new LentData(Errno.ENODATA, null), await store.LendAsync());

        lent.Dispose();
        store.TakeBack();
        Assert.False(store.IsAbsentPinned(piece.Id, 1));
        Assert.Equal(Errno.None, target.TryBegin(piece, out outcome));
        Assert.Equal(BeginOutcome.Begun, outcome);
        Assert.Equal(Errno.None, target.Write(piece, 0, _layer.Content.AsSpan((int)piece.DataOffset, (int)piece.Length)));
        target.Finish(piece, right: true);
        using var reader = new ProtocolReader(_layer, _files);
        reader.AssertComplete();
    }

    [ImmutableFilesFact]
    public async Task What_was_lent_in_another_boot_is_in_doubt_and_stays_so_while_it_cannot_be_written_again()
    {
        FileDescriptor lent;
        await using (var before = Open()) lent = await LendAsync(before);

        // Whatever was lent at a power cut is in doubt, too.
        await using var store = Open(s_nextBoot);
        Assert.Equal(_layer.PieceCount, store.GetStatistics().Suspect);
        Assert.Empty((await store.VerifyAsync(null, default)).Damaged);
        Assert.Equal(_layer.PieceCount, store.GetStatistics().Suspect);

        lent.Dispose();
        Assert.Empty((await store.VerifyAsync(null, default)).Damaged);
        Assert.Equal(_layer.PieceCount, store.GetStatistics().Present);
    }

    [ImmutableFilesFact]
    public async Task A_file_that_a_keeper_has_left_immutable_can_be_made_deletable()
    {
        FileDescriptor lent;
        await using (var store = Open()) lent = await LendAsync(store);

        Assert.False(FreezableFile.TryThaw(_files.Data));
        lent.Dispose();
        Assert.True(FreezableFile.TryThaw(_files.Data));
        Assert.True(FreezableFile.TryThaw(_files.Data));
        Assert.True(IsWritable());
        Assert.True(FreezableFile.TryThaw(Path.Combine(_folder, "nothing")));
    }

    [ImmutableFilesFact]
    public async Task A_file_system_that_does_not_keep_immutable_files_from_being_written_is_no_place_to_lend_from()
    {
        var memory = Directory.CreateDirectory($"/dev/shm/vfs-lending-{Guid.NewGuid():N}").FullName;
        try
        {
            var files = _layer.Create(memory, PieceState.Present);
            await using var store = PieceStore.Open(files, () => _layer);
            Assert.Equal(new LentData(Errno.EOPNOTSUPP, null), await store.LendAsync());
            Assert.Equal(_layer.PieceCount, store.Evict(0, _layer.PieceCount).Pieces);
        }
        finally
        {
            Directory.Delete(memory, recursive: true);
        }
    }

    [ImmutableFilesFact]
    public async Task No_other_process_thaws_what_a_keeper_has_open()
    {
        await using var store = Open();
        (await LendAsync(store)).Dispose();

        Assert.False(FreezableFile.TryThaw(_files.Data));
        Assert.False(IsWritable());

        store.TakeBack();
        Assert.True(IsWritable());
    }

    bool IsWritable()
    {
        using var file = new FileDescriptor(Descriptors.Open(_files.Data, OpenFlags.O_RDWR));
        return file.Value >= 0;
    }
}
