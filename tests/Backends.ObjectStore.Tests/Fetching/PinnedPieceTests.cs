using Microsoft.Win32.SafeHandles;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Tests.Cache;
using VirtioFsStore.Backends.ObjectStore.Tests.Resilience;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.RealServers;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Fetching;

/// <summary>Pieces that are found damaged while a guest has their pages mapped.</summary>
public sealed class PinnedPieceTests : IAsyncDisposable
{
    readonly CacheFixture _fixture = new(MadeLayer.Gzip(72, 1_500_000), CacheFixture.Plain, PieceState.Present);
    readonly Piece _piece;
    readonly ByteRangeLock _pin;

    public PinnedPieceTests()
    {
        _piece = _fixture.Layer.Pieces.MaxBy(piece => piece.Length);
        _pin = new ByteRangeLock { Type = FileLocks.F_RDLCK, Start = DataPages.Down(_piece.DataOffset), Length = DataPages.Size };
        Assert.Equal(0, FileLocks.SetRange(_fixture.Reader.Descriptor, _pin));
    }

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    /// <returns>The bytes that the guest sees.</returns>
    async Task<byte[]> DamageAsync()
    {
        using (var data = File.OpenHandle(_fixture.Files.Data, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
            RandomAccess.Write(data, "damaged"u8, _piece.DataOffset + _piece.Length / 2);
        Assert.Equal([_piece.Id], (await _fixture.Cache.Store.VerifyAsync(null, default)).Damaged);
        return await File.ReadAllBytesAsync(_fixture.Files.Data);
    }

    [Fact]
    public async Task What_a_guest_has_mapped_does_not_change_before_it_lets_go_of_it()
    {
        var seen = await DamageAsync();

        Assert.Equal(Errno.ENOSPC, await _fixture.Cache.EnsureAsync(_piece.Id, 1, null, default));
        Assert.Equal(seen, await File.ReadAllBytesAsync(_fixture.Files.Data));

        Assert.Equal(0, FileLocks.SetRange(_fixture.Reader.Descriptor, _pin with { Type = FileLocks.F_UNLCK }));
        Assert.Equal(Errno.None, await _fixture.Cache.EnsureAsync(_piece.Id, 1, null, default));
        _fixture.Reader.AssertComplete();
    }

    [Fact]
    public async Task It_is_read_past_the_cache()
    {
        await DamageAsync();

        await AssertReadThroughAsync();
    }

    [ImmutableFilesFact]
    public async Task One_of_a_layer_that_is_lent_is_read_past_the_cache_wherever_it_lies()
    {
        Assert.Equal(0, FileLocks.SetRange(_fixture.Reader.Descriptor, _pin with { Type = FileLocks.F_UNLCK }));
        using (var data = File.OpenHandle(_fixture.Files.Data, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
            RandomAccess.Write(data, "damaged"u8, _piece.DataOffset + _piece.Length / 2);
        var (error, lent) = await _fixture.Cache.Store.LendAsync();
        Assert.Equal(Errno.None, error);
        Assert.Equal([_piece.Id], (await _fixture.Cache.Store.VerifyAsync(null, default)).Damaged);

        await AssertReadThroughAsync();

        lent!.Dispose();
        _fixture.Cache.Store.TakeBack();
        Assert.Equal(Errno.None, await _fixture.Cache.EnsureAsync(_piece.Id, 1, null, default));
        _fixture.Reader.AssertComplete();
    }

    async Task AssertReadThroughAsync()
    {
        Assert.Equal(Errno.ENOSPC, await _fixture.Cache.EnsureAsync(_piece.Id, 1, null, default));
        var length = (int)Math.Min(_piece.Length, LayerCache.MaxReadThrough);
        var (error, memory) = await _fixture.Cache.ReadThroughAsync(_piece.Id, 1, _piece.DataOffset, length, default);
        Assert.Equal(Errno.None, error);
        using (memory)
        using (var read = new FileStream(new SafeFileHandle(memory!.Value, ownsHandle: false), FileAccess.Read))
        {
            var bytes = new byte[length];
            read.ReadExactly(bytes);
            Assert.Equal(_fixture.Layer.Content.AsSpan((int)_piece.DataOffset, length).ToArray(), bytes);
        }
    }

    [Fact]
    public async Task Its_neighbours_are_fetched()
    {
        await DamageAsync();
        var span = _fixture.Layer.Spans[_piece.Span];
        _fixture.Cache.Store.Evict(span.FirstPiece, span.PieceCount);
        var others = Enumerable.Range((int)span.FirstPiece, (int)span.PieceCount).Where(piece => piece != _piece.Id && !_fixture.Reader.IsPresent(piece)).ToArray();
        Assert.NotEmpty(others);

        Assert.Equal(Errno.ENOSPC, await _fixture.Cache.EnsureAsync(span.FirstPiece, (int)span.PieceCount, null, default));

        Assert.All(others, piece => Assert.True(_fixture.Reader.Read(_fixture.Layer.Pieces[piece])));
    }

    [Fact]
    public async Task A_server_that_pins_what_it_finds_evicted_makes_no_read_fail()
    {
        var clock = new ManualClock();
        await using var fixture = new CacheFixture(MadeLayer.Gzip(73, 500_000), CacheFixture.Plain with { Clock = clock });
        var look = _pin with { Start = DataPages.Down(fixture.Layer.Pieces[0].DataOffset) };
        Assert.Equal(0, FileLocks.SetRange(fixture.Reader.Descriptor, look));

        var asked = fixture.Cache.EnsureAsync(0, 1, null, default).AsTask();
        await Task.WhenAny(asked, clock.WaitForTimerAsync(TimeSpan.FromMilliseconds(1)));
        Assert.Equal(0, FileLocks.SetRange(fixture.Reader.Descriptor, look with { Type = FileLocks.F_UNLCK }));
        clock.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal(Errno.None, await asked);
        Assert.True(fixture.Reader.Read(fixture.Layer.Pieces[0]));
    }
}
