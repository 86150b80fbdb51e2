using System.Diagnostics;
using VirtioFsStore.Backends.ObjectStore.Sources.Http;
using VirtioFsStore.FaultProxy;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Http;

public sealed class LineShapeTests
{
    const int Size = 1 << 20;

    /// <summary>Only that it is not faster than it should be: slower is any machine at times.</summary>
    [Fact]
    public async Task A_shaped_line_carries_no_more_than_it_should_whoever_shares_it()
    {
        var content = new byte[Size];
        var shape = new LineShape(10 << 20, TimeSpan.FromMilliseconds(20));
        await using var real = FaultServer.Serve(request => ProxyAnswer.OfContent(request, content));
        await using var shaped = FaultServer.Forward(real.Url, shape);
        using var link = new HttpLink(HttpTrust.System);
        var begun = Stopwatch.GetTimestamp();
        var answers = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => GetAsync()));
        var expected = (shape.RoundTrip * 2) + TimeSpan.FromSeconds((double)3 * Size / shape.BytesPerSecond);
        Assert.InRange(Stopwatch.GetElapsedTime(begun), expected - TimeSpan.FromMilliseconds(5), TimeSpan.MaxValue);
        Assert.All(answers, answer => Assert.Equal(content, answer));
        Assert.Equal((3, 3 * Size), (shaped.Requests.Count, shaped.BytesSent));

        async Task<byte[]> GetAsync()
        {
            using var response = await link.SendAsync(() => new HttpRequestMessage(HttpMethod.Get, shaped.Url), default);
            return await response.Content.ReadAsByteArrayAsync();
        }
    }
}
