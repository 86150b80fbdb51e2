using System.Globalization;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.Backends.ObjectStore.Sources.S3;
using VirtioFsStore.FaultProxy;
using VirtioFsStore.RealServers;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Sources.S3;

/// <summary>Changes of one object by many, at a service that looks and writes in one step, as Amazon's does, and at one that does not, as radosgw.</summary>
public sealed class S3UpdateTests : IAsyncDisposable
{
    readonly AwsProfile _profile = new("key", "secret");
    readonly Lock _lock = new();
    readonly FaultServer _server;
    byte[]? _object;
    int _version;
    byte[]? _overwrite;

    public S3UpdateTests() => _server = FaultServer.Serve(Answer);

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _profile.Dispose();
    }

    [Fact]
    public async Task Changes_that_are_made_at_the_same_time_are_all_kept()
    {
        const int Writers = 4, Changes = 8;

        await Task.WhenAll(Enumerable.Range(0, Writers).Select(async writer =>
        {
            await using var folder = Open();
            for (var change = 0; change < Changes; change++) await AddAsync(folder, (byte)((writer * Changes) + change));
        }));

        Assert.Equal(Enumerable.Range(0, Writers * Changes), _object!.Select(value => (int)value).Order());
    }

    [Fact]
    public async Task A_change_that_another_wrote_over_is_made_again()
    {
        await using var folder = Open();
        await AddAsync(folder, 1);
        // Another, whose look came before the next write, writes right after it.
        _overwrite = [1, 3];

        await AddAsync(folder, 2);

        Assert.Equal([1, 3, 2], _object);
    }

    static async Task AddAsync(S3Folder folder, byte value) => await folder.UpdateAsync("list", 100, before => With(before, value), default);

    static byte[]? With(byte[]? before, byte value) => before is not null && before.Contains(value) ? null : [.. before ?? [], value];

    S3Folder Open() => new("bucket", new RemoteOptions { S3 = new S3Options { Endpoint = _server.Url.ToString(), Profile = _profile.Name } }, new RemoteEndpoints());

    string ETag() => string.Create(CultureInfo.InvariantCulture, $"\"{_version}\"");

    ProxyAnswer Answer(ProxyRequest request)
    {
        lock (_lock)
        {
            if (request.Method == "PUT")
            {
                if (request["If-None-Match"] is "*" && _object is not null) return ProxyAnswer.Of(412);
                if (request["If-Match"] is { } match && (_object is null || match != ETag())) return ProxyAnswer.Of(412);
                (_object, _version) = (request.Body, _version + 1);
                if (_overwrite is { } other) (_object, _overwrite, _version) = (other, null, _version + 1);
                return ProxyAnswer.Of(200, default, ("ETag", ETag()));
            }

            if (_object is null) return ProxyAnswer.Of(404);
            if (request["If-Match"] is { } wanted && wanted != ETag()) return ProxyAnswer.Of(412);
            return ProxyAnswer.OfContent(request, _object, ETag());
        }
    }
}
