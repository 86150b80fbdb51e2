using Amazon.Runtime;

namespace VirtioFsStore.Backends.ObjectStore.Sources.S3;

/// <summary>Connections to one S3 service.</summary>
sealed class S3HttpClients : HttpClientFactory, IDisposable
{
    static readonly TimeSpan s_connectLimit = TimeSpan.FromSeconds(10);

    /// <summary>After which a name is looked up again: services are moved behind it.</summary>
    static readonly TimeSpan s_connectionLife = TimeSpan.FromMinutes(5);

    readonly HttpClient _client = new(new BoundedAnswers(new SocketsHttpHandler
    {
        ConnectTimeout = s_connectLimit,
        PooledConnectionLifetime = s_connectionLife,
        // A signature is for one host.
        AllowAutoRedirect = false,
    }))
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    public override HttpClient CreateHttpClient(IClientConfig clientConfig) => _client;

    public override bool UseSDKHttpClientCaching(IClientConfig clientConfig) => false;

    public override bool DisposeHttpClientsAfterUse(IClientConfig clientConfig) => false;

    public void Dispose() => _client.Dispose();
}
