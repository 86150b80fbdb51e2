using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tests.Tar;
using VirtioFsStore.Backends.Overlay.Transfer;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Transfer;

/// <summary>A host that asks to be left alone (Retry-After) for longer than a request may take.</summary>
public sealed class PushPatienceTests : IAsyncLifetime, IAsyncDisposable
{
    readonly LayoutWriter _layout = new();
    readonly TemporaryDirectory _directory = new();
    readonly SkippingClock _clock = new();
    readonly Blobs _seen = new();
    readonly BusyTarget _target;

    public PushPatienceTests()
    {
        _layout.Image("v1", new TarWriter().File("a", "b").ToArray());
        _target = new BusyTarget(_directory["to"], LayoutWriter.GzipLayer);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public async ValueTask DisposeAsync()
    {
        await _target.DisposeAsync();
        _layout.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task Is_waited_for_and_told_of_for_blobs_and_for_manifests()
    {
        _target.OfBlobs.Enqueue(TimeSpan.FromMinutes(2));
        _target.OfBlobs.Enqueue(TimeSpan.FromMinutes(3));
        _target.OfManifests.Enqueue(TimeSpan.FromMinutes(4));

        var result = await PushAsync();

        Assert.Equal(TimeSpan.FromMinutes(9), _clock.Elapsed);
        Assert.Equal(result.Digest, Assert.Single(await _target.ListAsync(default)).Digest);
        var held = _seen.ByBlob.Where(states => states.Any(progress => progress.State == BlobState.Held)).ToList();
        Assert.Equal([2, 3, 4], held.SelectMany(states => states).Where(progress => progress.State == BlobState.Held).Select(progress => progress.Wait.TotalMinutes));
        Assert.All(held, states => Assert.Equal(BlobState.Sent, states[^1].State));
    }

    [Theory]
    [InlineData(11, 1, 0)]
    [InlineData(4, 3, 8)]
    public async Task Ends_the_push_when_it_is_too_much(int minutes, int times, int waited)
    {
        for (var i = 0; i < times; i++) _target.OfBlobs.Enqueue(TimeSpan.FromMinutes(minutes));

        var failure = await Assert.ThrowsAsync<SourceException>(PushAsync);

        Assert.Equal(SourceFailure.Busy, failure.Failure);
        Assert.Contains("the host answers 429", failure.Message, StringComparison.Ordinal);
        Assert.Contains("push again later", failure.Message, StringComparison.Ordinal);
        Assert.Equal(waited, _clock.Elapsed.TotalMinutes);
    }

    [Fact]
    public async Task Counts_anew_when_more_was_sent_than_ever()
    {
        foreach (var bytes in new[] { 1, 2, 3, 2, 1 })
        {
            _target.Sent.Enqueue(bytes);
            _target.OfBlobs.Enqueue(TimeSpan.FromMinutes(4));
        }

        await Assert.ThrowsAsync<SourceException>(PushAsync);

        // Two that got further, and of what came after the third as much as fits into ten minutes.
        Assert.Equal(4 + 4 + 8, _clock.Elapsed.TotalMinutes);
    }

    async Task<PushResult> PushAsync()
    {
        await using var source = new LayoutImageSource(_layout.Path);
        return await new ImagePush(source, _target, _seen, _clock).RunAsync(
            ImageReference.Parse($"oci:{_layout.Path}:v1"), null, ImageReference.Parse($"oci:{_directory["to"]}:v1"), default);
    }
}
