using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Tests.Cache;
using VirtioFsStore.Backends.ObjectStore.Tests.Resilience;
using VirtioFsStore.Core.Interop;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Fetching;

public sealed class IdleSyncTests : IAsyncDisposable
{
    static readonly TimeSpan s_idle = TimeSpan.FromSeconds(7);

    /// <summary>Longer than any machine needs: that it passes is a failure.</summary>
    static readonly TimeSpan s_never = TimeSpan.FromMinutes(2);

    readonly string _folder = Directory.CreateTempSubdirectory("vfs-idle").FullName;
    readonly MadeLayer _layer = MadeLayer.Gzip(71, 1_500_000);
    readonly ManualClock _clock = new();
    readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly TestFiles _disk;
    readonly StagedSource _source;
    readonly LayerCache _cache;

    public IdleSyncTests()
    {
        _disk = new TestFiles(_layer.Create(_folder)) { DuringSyncData = () => _synced.TrySetResult() };
        var store = new PieceStore(_disk, () => _layer, BootIdentity.Read(), LastUse.Open(null, _layer.PieceCount, _clock), NullLogger.Instance);
        _source = new StagedSource(_layer.Blob);
        _cache = new LayerCache(store, _ => new(_source), CacheFixture.Plain with { Clock = _clock, IdleTime = s_idle });
    }

    public async ValueTask DisposeAsync()
    {
        _source.Gate = long.MaxValue;
        await _cache.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task What_came_is_synced_when_nothing_has_come_for_a_while()
    {
        Assert.Equal(Errno.None, await _cache.EnsureAsync(0, 1, null, default));
        await _clock.WaitForTimerAsync(s_idle).WaitAsync(s_never);
        _clock.Advance(s_idle);
        await _synced.Task.WaitAsync(s_never);
    }

    [Fact]
    public async Task Nothing_is_synced_while_something_comes()
    {
        Assert.Equal(Errno.None, await _cache.EnsureAsync(0, 1, null, default));
        await _clock.WaitForTimerAsync(s_idle).WaitAsync(s_never);
        _source.Gate = 0;
        var last = _cache.EnsureAsync(_layer.PieceCount - 1, 1, null, default);
        Assert.False(_clock.HasTimer);
        _clock.Advance(s_idle);
        Assert.DoesNotContain(_disk.Log, write => write.IsSync && write.IsData);
        _source.Gate = long.MaxValue;
        Assert.Equal(Errno.None, await last);
        await _clock.WaitForTimerAsync(s_idle).WaitAsync(s_never);
        _clock.Advance(s_idle);
        await _synced.Task.WaitAsync(s_never);
    }
}
