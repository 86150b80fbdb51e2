using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Http;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.FaultProxy;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Http;

/// <summary>A blob on a fault server, and what reads it.</summary>
sealed class HttpSource : IAsyncDisposable
{
    readonly HttpLink _link = new(HttpTrust.System);

    public HttpSource(string? etag = null, int size = 100_000)
    {
        Data = new byte[size];
        new Random(1).NextBytes(Data);
        ETag = etag;
        Server = FaultServer.Serve(request => ProxyAnswer.OfContent(request, Data, ETag));
        Endpoint = new RemoteEndpoint("host", new RetryDelays(TimeProvider.System, () => 0));
        Once = Open(new SourceIdentity(null, etag));
        Resilient = new ResilientSource(Once, Endpoint, TimeSpan.FromMinutes(1));
    }

    public byte[] Data { get; set; }

    public string? ETag { get; set; }

    public FaultServer Server { get; }

    public RemoteEndpoint Endpoint { get; }

    /// <summary>Asks once.</summary>
    public HttpRangeSource Once { get; }

    public ResilientSource Resilient { get; }

    public HttpRangeSource Open(SourceIdentity identity, IHttpSender? origin = null) =>
        new("blob", new Uri(Server.Url, "blob"), Data.Length, identity, origin ?? _link, _link, Endpoint, Endpoint.Counters);

    public static async Task<byte[]> ReadAsync(IRangeSource source, long offset, int length)
    {
        var bytes = new byte[length];
        await source.ReadAsync(offset, bytes, default);
        return bytes;
    }

    public byte[] Expected(int offset, int length) => Data[offset..(offset + length)];

    public async ValueTask DisposeAsync()
    {
        _link.Dispose();
        await Server.DisposeAsync();
    }
}
