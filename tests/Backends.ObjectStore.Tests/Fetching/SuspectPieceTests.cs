using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Tests.Cache;
using VirtioFsStore.Core.Interop;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Fetching;

/// <summary>Pieces that a reader asks for while they are in doubt.</summary>
public sealed class SuspectPieceTests : IAsyncDisposable
{
    static readonly Guid s_boot = new("11111111-2222-3333-4444-555555555555");
    static readonly Guid s_nextBoot = new("99999999-8888-7777-6666-555555555555");

    readonly string _folder = Directory.CreateTempSubdirectory("vfs-suspect").FullName;
    readonly MadeLayer _layer = MadeLayer.Gzip(74, 500_000);
    readonly ManualResetEventSlim _reading = new();
    readonly ManualResetEventSlim _mayRead = new();
    readonly StagedSource _source;
    readonly ProtocolReader _reader;
    readonly LayerCache _cache;

    public SuspectPieceTests()
    {
        var files = _layer.Create(_folder, PieceState.Present);
        // A keeper of another boot, which ended before it had synced.
        Open(new TestFiles(files), s_boot).Evict(1, 1);
        var disk = new TestFiles(files)
        {
            BeforeReadData = () =>
            {
                _reading.Set();
                _mayRead.Wait();
            },
        };
        _source = new StagedSource(_layer.Blob);
        _cache = new LayerCache(Open(disk, s_nextBoot), _ => new(_source), CacheFixture.Plain);
        _reader = new ProtocolReader(_layer, files);
    }

    public async ValueTask DisposeAsync()
    {
        _mayRead.Set();
        await _cache.DisposeAsync();
        _reader.Dispose();
        _reading.Dispose();
        _mayRead.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    PieceStore Open(TestFiles disk, Guid boot) =>
        new(disk, () => _layer, boot, LastUse.Open(null, _layer.PieceCount, TimeProvider.System), NullLogger.Instance);

    [Fact]
    public async Task Who_goes_while_a_piece_is_verified_leaves_that_to_the_others()
    {
        using var cancel = new CancellationTokenSource();
        var first = _cache.EnsureAsync(0, 1, null, cancel.Token).AsTask();
        await Task.Run(_reading.Wait);
        var second = _cache.EnsureAsync(0, 1, null, default).AsTask();

        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);

        _mayRead.Set();
        Assert.Equal(Errno.None, await second);
        Assert.True(_reader.Read(_layer.Pieces[0]));
        Assert.Empty(_source.Requests);
    }

    [Fact]
    public async Task A_cache_that_ends_waits_for_what_is_just_verified()
    {
        using var cancel = new CancellationTokenSource();
        var asked = _cache.EnsureAsync(0, 1, null, cancel.Token).AsTask();
        await Task.Run(_reading.Wait);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);

        var ended = _cache.DisposeAsync().AsTask();
        Assert.False(ended.IsCompleted);
        _mayRead.Set();
        await ended;

        Assert.True(_reader.Read(_layer.Pieces[0]));
    }
}
