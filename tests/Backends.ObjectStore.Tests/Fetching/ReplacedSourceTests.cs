using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Tests.Cache;
using VirtioFsStore.Core.Interop;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Fetching;

/// <summary>The image whose source is being read is closed, while others that have the layer wait.</summary>
public sealed class ReplacedSourceTests : IAsyncDisposable
{
    readonly CacheFixture _fixture = new(MadeLayer.Gzip(73, 500_000), CacheFixture.Plain);
    readonly StagedSource _other;

    public ReplacedSourceTests() => _other = new StagedSource(_fixture.Layer.Blob);

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    public static TheoryData<Exception> Failures =>
    [
        new ObjectDisposedException("an HTTP client"), new SourceException(SourceFailure.Transient, "cut"), new SourceException("closed"), new OperationCanceledException(),
    ];

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task A_fetch_whose_source_is_closed_goes_on_at_anothers(Exception failure)
    {
        _fixture.Source.Gate = 0;
        var waiting = _fixture.Cache.EnsureAsync(0, 5, null, default).AsTask();
        await Wait.UntilAsync(() => !_fixture.Source.Requests.IsEmpty);

        await _fixture.Cache.ReplaceSourceAsync(_ => new(_other));
        _fixture.Source.BeforeRead = _ => throw failure;
        _fixture.Source.Gate = long.MaxValue;

        Assert.Equal(Errno.None, await waiting);
        Assert.Single(_other.Requests);
        Assert.Equal(0, _fixture.Cache.Store.Counters.Read().FetchFailures);
    }

    [Fact]
    public async Task What_is_read_through_goes_on_at_anothers()
    {
        _fixture.Source.Gate = 0;
        var piece = _fixture.Layer.Pieces[3];
        var waiting = _fixture.Cache.ReadThroughAsync(3, 1, piece.DataOffset, 1, default).AsTask();
        await Wait.UntilAsync(() => !_fixture.Source.Requests.IsEmpty);

        await _fixture.Cache.ReplaceSourceAsync(_ => new(_other));
        _fixture.Source.BeforeRead = _ => throw new ObjectDisposedException("an HTTP client");
        _fixture.Source.Gate = long.MaxValue;

        var read = await waiting;
        Assert.Equal(Errno.None, read.Error);
        read.Memory!.Dispose();
    }

    [Fact]
    public async Task A_source_that_is_closed_while_it_is_opened_is_not_waited_for()
    {
        var opening = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var closed = new TaskCompletionSource<IRangeSource>(TaskCreationOptions.RunContinuationsAsynchronously);
        await _fixture.Cache.ReplaceSourceAsync(_ =>
        {
            opening.SetResult();
            return new(closed.Task);
        });
        var waiting = _fixture.Cache.EnsureAsync(0, 5, null, default).AsTask();
        await opening.Task;

        await _fixture.Cache.ReplaceSourceAsync(_ => new(_other));
        closed.SetException(new ObjectDisposedException("an HTTP client"));

        Assert.Equal(Errno.None, await waiting);
    }
}
