using Xunit;

namespace VirtioFsStore.RealServers;

/// <summary>One S3 service for the tests of a class, with a bucket of each test's own. It is started by the first that asks for it.</summary>
public sealed class ObjectStoreFixture : IAsyncLifetime
{
    readonly Lazy<Task<ObjectStoreServer>> _server = new(() => ObjectStoreServer.StartAsync());

    public Task<ObjectStoreServer> ServerAsync() => _server.Value;

    /// <summary>The name of a new bucket.</summary>
    public async Task<string> CreateBucketAsync()
    {
        var name = $"test-{Guid.NewGuid():N}";
        await (await ServerAsync().ConfigureAwait(false)).CreateBucketAsync(name).ConfigureAwait(false);
        return name;
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_server.IsValueCreated) await (await ServerAsync().ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
    }
}
