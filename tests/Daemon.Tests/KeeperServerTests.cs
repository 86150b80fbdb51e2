using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Channels;
using VirtioFsStore.Daemon.Keeping;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>What a keeper tells its clients, whatever they and their images are like.</summary>
public sealed class KeeperServerTests : IDisposable
{
    static readonly TimeSpan s_wait = TimeSpan.FromSeconds(60);

    readonly TemporaryDirectory _directory = new();
    readonly KeeperAddress _address;

    public KeeperServerTests() => _address = new KeeperAddress(StoreDirectory.Open(_directory["store"]));

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_client_that_takes_no_message_does_not_hold_up_the_layer_that_others_wait_for()
    {
        // More than a socket takes that nobody reads from.
        const int Many = 10_000;
        using var told = new ManualResetEventSlim();
        using var server = Serve(progress =>
        {
            for (var i = 0; i < Many; i++)
                progress!.Report(new LayerProgress(Digest.TryParse("sha256:" + new string('a', 64))!, i, Many));
            told.Set();
            throw new ImageException("that was all");
        });
        using var client = Ask();

        Assert.True(told.Wait(s_wait));
    }

    [Fact]
    public void A_failure_that_nobody_foresaw_is_told_and_ends_the_connection()
    {
        using var server = Serve(_ => throw new InvalidOperationException("not foreseen"));
        using var client = Ask();

        Assert.Equal(KeeperMessage.Accepted, Next(client).Kind);
        Assert.Equal((KeeperMessage.Failed, "not foreseen"), Next(client));
        Assert.Null(client.Receive());
    }

    [Fact]
    public void A_keeper_that_ends_leaves_no_client_waiting()
    {
        using var asked = new ManualResetEventSlim();
        var server = Serve(_ =>
        {
            asked.Set();
            return new TaskCompletionSource<IKeptImage>().Task;
        });
        using var client = Ask();
        Assert.Equal(KeeperMessage.Accepted, Next(client).Kind);
        Assert.True(asked.Wait(s_wait));

        server.Dispose();

        Assert.Null(client.Receive());
    }

    [Fact]
    public void A_client_that_takes_no_answers_holds_up_no_other()
    {
        // More answers than a socket takes that nobody reads from.
        const int Many = 5_000;
        using var server = Serve(_ => Task.FromResult<IKeptImage>(new Image()));
        using var silent = Open();
        using var other = Open();
        var fetch = new FetchMessage { Count = 1 };
        for (var i = 0u; i < Many; i++)
            silent.Send((uint)KeeperMessage.Fetch, i, MemoryMarshal.AsBytes(new ReadOnlySpan<FetchMessage>(in fetch)));

        Fetch(other);

        // And when it reads, they are all there.
        var answered = new HashSet<uint>();
        while (answered.Count < Many)
        {
            using var message = silent.Receive()!;
            Assert.Equal((uint)KeeperMessage.Fetched, message.Kind);
            Assert.True(answered.Add(message.Id));
        }
    }

    [Fact]
    public void Images_that_take_long_to_open_hold_up_no_fetch()
    {
        const int MoreThanAtATime = 80;
        var opened = 0;
        using var server = Serve(_ => Interlocked.Increment(ref opened) == 1 ? Task.FromResult<IKeptImage>(new Image()) : new TaskCompletionSource<IKeptImage>().Task);
        using var kept = Open();
        var waiting = Enumerable.Range(0, MoreThanAtATime).Select(_ => Ask()).ToList();
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref opened) > 64, s_wait), $"{opened} were asked for");

        Fetch(kept);

        waiting.ForEach(client => client.Dispose());
    }

    MessageSocket Open()
    {
        var client = Ask();
        Assert.Equal(KeeperMessage.Accepted, Next(client).Kind);
        Assert.Equal(KeeperMessage.Image, Next(client).Kind);
        return client;
    }

    static void Fetch(MessageSocket client)
    {
        var fetch = new FetchMessage { Count = 1 };
        client.Send((uint)KeeperMessage.Fetch, 7, MemoryMarshal.AsBytes(new ReadOnlySpan<FetchMessage>(in fetch)));
        using var message = client.Receive()!;
        Assert.Equal(((uint)KeeperMessage.Fetched, 7u), (message.Kind, message.Id));
    }

    KeeperServer Serve(Func<IProgress<LayerProgress>?, Task<IKeptImage>> open) => new(new Keeper(open), _address.Listen(), NullLogger.Instance);

    MessageSocket Ask()
    {
        var client = _address.TryConnect()!;
        var request = ImageMessage.Of(new ImageRequest(ImageReference.Parse("oci:/images/web:latest"), Platform.Current));
        client.Send((uint)KeeperMessage.OpenImage, 0, JsonSerializer.SerializeToUtf8Bytes(request, KeeperJson.Default.ImageMessage));
        return client;
    }

    static (KeeperMessage Kind, string Text) Next(MessageSocket client)
    {
        using var message = client.Receive()!;
        return ((KeeperMessage)message.Kind, Encoding.UTF8.GetString(message.Body.Span));
    }

    /// <summary>Of no layers; whatever is asked for is there.</summary>
    sealed class Image : IKeptImage
    {
        public Digest Manifest { get; } = Digest.Sha256("a manifest"u8);

        public ImageFiles Files { get; } = new("an image", [], []);

        public ValueTask<Errno> FetchAsync(int layer, long first, int count, CancellationToken cancellation) => new(Errno.None);

        public ValueTask<ReadThrough> ReadThroughAsync(int layer, long first, int count, long offset, int length, CancellationToken cancellation) => throw new NotSupportedException();

        public ValueTask<LentData> LendAsync(int layer, CancellationToken cancellation) => throw new NotSupportedException();

        public ValueTask<ImageCounts> CountAsync(CancellationToken cancellation) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    /// <summary>Stands for a keeper at work on images that are hard to come by.</summary>
    sealed class Keeper(Func<IProgress<LayerProgress>?, Task<IKeptImage>> open) : IKeeper
    {
        public async ValueTask<IKeptImage> OpenImageAsync(ImageRequest request, IProgress<LayerProgress>? progress, CancellationToken cancellation) =>
            await open(progress).WaitAsync(cancellation);

        public ValueTask<CollectResult> WorkAsync(CacheWork work, Action<LayerReport> report, CancellationToken cancellation) => default;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
