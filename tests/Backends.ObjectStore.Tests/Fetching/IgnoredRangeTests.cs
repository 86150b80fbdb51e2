using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Sources.Http;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.Backends.ObjectStore.Tests.Cache;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.FaultProxy;
using Xunit;
using Codec = VirtioFsStore.Backends.ObjectStore.Decompression.Compression;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Fetching;

public sealed class IgnoredRangeTests
{
    const int Span = 32 << 10;

    [Fact]
    public async Task Of_a_host_that_sends_the_whole_for_each_range_all_that_is_absent_is_asked_for_at_once()
    {
        var layer = new MadeLayer(61, 40 * Span, Codec.None, data => data, Span, maxFile: 20_000);
        await using var server = FaultServer.Serve(request => ProxyAnswer.OfContent(request, layer.Blob, null));
        server.Inject(new Fault { IgnoreRange = true }, int.MaxValue);
        var noted = new List<string>();
        var endpoint = new RemoteEndpoint("host", new RetryDelays(TimeProvider.System, () => 0), options: new() { RangesIgnored = host => noted.Add(host.Name) });
        using var link = new HttpLink(HttpTrust.System);
        var blob = new HttpRangeSource("blob", new Uri(server.Url, "blob"), layer.BlobSize, default, link, link, endpoint, endpoint.Counters);
        var source = new ResilientSource(blob, endpoint, TimeSpan.FromMinutes(1));
        var folder = Directory.CreateTempSubdirectory("vfs-cache");
        var files = layer.Create(folder.FullName, PieceState.Absent);
        await using (var cache = new LayerCache(PieceStore.Open(files, () => layer), _ => new(source), CacheFixture.Plain))
        {
            Assert.Equal(Errno.None, await cache.EnsureAsync(layer.Spans[20].FirstPiece, 1, null, default));
            // Before and behind what is there already.
            Assert.Equal(Errno.None, await cache.EnsureAsync(layer.Spans[30].FirstPiece, 1, null, default));
            Assert.Equal(Errno.None, await cache.EnsureAsync(layer.Spans[3].FirstPiece, 1, null, default));
            Assert.Equal(Errno.None, await cache.EnsureAsync(0, (int)layer.PieceCount, null, default));
        }

        using (var reader = new ProtocolReader(layer, files)) reader.AssertComplete();
        Assert.Equal([$"bytes={layer.Spans[20].Start.InOffset}-{layer.Spans[20].InEnd - 1}", null], server.Requests.Select(request => request["Range"]));
        Assert.Equal(["host"], noted);
        folder.Delete(recursive: true);
    }
}
