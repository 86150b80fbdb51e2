using System.Text;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Registry;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.FaultProxy;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Registry;

public sealed class RegistryClientTests : IAsyncLifetime, IAsyncDisposable
{
    readonly FakeRegistry _registry = new();
    readonly byte[] _blob = [.. Enumerable.Range(0, 10_000).Select(i => (byte)(i * 7))];

    public Task InitializeAsync() => Task.CompletedTask;

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public ValueTask DisposeAsync() => _registry.DisposeAsync();

    static async Task<byte[]> ReadAsync(IRangeSource source, long offset, int length)
    {
        var bytes = new byte[length];
        await source.ReadAsync(offset, bytes, default);
        return bytes;
    }

    static ValueTask<RegistryManifest> GetAsync(RegistryClient client, string reference) => client.GetManifestAsync(reference, [FakeRegistry.ManifestType], default);

    [Fact]
    public async Task A_manifest_is_what_its_bytes_say()
    {
        _registry.Manifests["tag"] = "{}"u8.ToArray();
        using var client = _registry.Client();
        var manifest = await GetAsync(client, "tag");
        Assert.Equal((FakeRegistry.ManifestType, Digest.Sha256("{}"u8)), (manifest.MediaType, manifest.Digest));
        Assert.Equal(FakeRegistry.ManifestType, Assert.Single(_registry.Server.Requests)["Accept"]);
        var head = await client.HeadManifestAsync("tag", [FakeRegistry.ManifestType], default);
        Assert.Equal(new RegistryManifestHead(FakeRegistry.ManifestType, manifest.Digest, 2), head);
    }

    [Fact]
    public async Task A_manifest_of_another_digest_is_refused()
    {
        using var client = _registry.Client();
        var digest = Digest.Sha256("{}"u8);
        _registry.Manifests["tag"] = _registry.Manifests[digest.ToString()] = "{}"u8.ToArray();
        _registry.Server.Inject(new Fault { FlipBitAt = 1 }, 2);
        await Assert.ThrowsAsync<SourceException>(async () => await GetAsync(client, "tag"));
        Assert.Contains(digest.ToString(), (await Assert.ThrowsAsync<SourceException>(async () => await GetAsync(client, digest.ToString()))).Message, StringComparison.Ordinal);
        _registry.Server.Inject(Fault.Header("Docker-Content-Digest", Digest.Sha256("other"u8).ToString()));
        await Assert.ThrowsAsync<SourceException>(async () => await GetAsync(client, "tag"));
        _registry.Server.Inject(Fault.Header("Docker-Content-Digest", null));
        Assert.Equal(digest, (await GetAsync(client, "tag")).Digest);
    }

    [Fact]
    public async Task A_manifest_without_an_end_is_refused()
    {
        using var client = _registry.Client();
        _registry.Manifests["tag"] = "{}"u8.ToArray();
        _registry.Server.Inject(new Fault { NeverEnd = true });
        Assert.Contains("more than 4194304 bytes", (await Assert.ThrowsAsync<SourceException>(async () => await GetAsync(client, "tag"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_blob_is_opened_without_a_request_and_read_by_ranges()
    {
        using var client = _registry.Client();
        var source = client.OpenBlob(_registry.Put(_blob), _blob.Length);
        Assert.Empty(_registry.Server.Requests);
        Assert.Equal(_blob[100..300], await ReadAsync(source, 100, 200));
        Assert.Equal("bytes=100-299", Assert.Single(_registry.Server.Requests)["Range"]);
        Assert.Equal((1, 200), (client.Counters.Snapshot().Requests, client.Counters.Snapshot().BytesReceived));
    }

    [Fact]
    public async Task Tags_come_by_pages()
    {
        _registry.Tags.AddRange(["a", "b", "c", "d", "e"]);
        using var client = _registry.Client();
        Assert.Equal(["a", "b", "c", "d", "e"], await client.GetTagsAsync(default));
        Assert.Equal(3, _registry.Server.Requests.Count);
    }

    [Fact]
    public async Task Pages_without_an_end_are_refused()
    {
        _registry.Tags.Add("a");
        _registry.Server.Inject(Fault.Header("Link", "<?n=1&last=0>; rel=next"), int.MaxValue);
        using var client = _registry.Client();
        Assert.Contains("more than 10000 tags", (await Assert.ThrowsAsync<SourceException>(async () => await client.GetTagsAsync(default))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mirror_is_told_whom_it_stands_for_and_the_registry_stands_in_for_it()
    {
        await using var mirror = new FakeRegistry();
        _registry.WriteHosts(_registry.Server.Host, $"[host.\"{mirror.Server.Url}\"]\ncapabilities = [\"pull\"]\n[host.\"{mirror.Server.Url}\".header]\nX-Mine = \"yes\"\n");
        _registry.Manifests["tag"] = "{}"u8.ToArray();
        using var client = _registry.Client();
        // It is not believed what a tag means.
        await GetAsync(client, "tag");
        Assert.Empty(mirror.Server.Requests);

        var digest = _registry.Put(_blob);
        mirror.Put(_blob);
        var blob = client.OpenBlob(digest, _blob.Length);
        Assert.Equal(_blob[5..10], await ReadAsync(blob, 5, 5));
        var asked = Assert.Single(mirror.Server.Requests);
        Assert.Equal(($"ns={Uri.EscapeDataString(_registry.Server.Host)}", "yes"), (asked.Query, asked["X-Mine"]));
        Assert.Single(_registry.Server.Requests);

        mirror.Blobs.Clear();
        Assert.Equal(_blob[5..10], await ReadAsync(blob, 5, 5));
        Assert.Equal(2, _registry.Server.Requests.Count);
    }

    [Fact]
    public async Task A_mirror_that_is_down_is_asked_last_for_a_while()
    {
        await using var mirror = new FakeRegistry();
        _registry.WriteHosts("_default", $"[host.\"{mirror.Server.Url}\"]\n");
        mirror.Put(_blob);
        using var client = _registry.Client();
        var blob = client.OpenBlob(_registry.Put(_blob), _blob.Length);
        mirror.Server.Inject(new Fault { ResetAfter = 50 });
        Assert.Equal(_blob[..100], await ReadAsync(blob, 0, 100));
        Assert.Equal("bytes=50-99", Assert.Single(_registry.Server.Requests)["Range"]);
        await ReadAsync(blob, 0, 100);
        Assert.Single(mirror.Server.Requests);
        _registry.Time.Advance(TimeSpan.FromMinutes(2));
        await ReadAsync(blob, 0, 100);
        Assert.Equal(2, mirror.Server.Requests.Count);
    }

    [Fact]
    public async Task A_mirror_that_is_passed_over_is_told_of_and_so_is_its_return_and_each_host_is_counted_for_itself()
    {
        await using var mirror = new FakeRegistry();
        _registry.WriteHosts("_default", $"[host.\"{mirror.Server.Url}\"]\n");
        mirror.Put(_blob);
        var told = new List<string>();
        var endpoints = new RemoteEndpoints(_registry.Time, () => 0, new() { Warned = told.Add });
        using var client = new RegistryClient(RegistryName.Parse($"{_registry.Server.Host}/{FakeRegistry.Repository}"), _registry.Options, endpoints);
        var blob = client.OpenBlob(_registry.Put(_blob), _blob.Length);
        mirror.Server.Inject(Fault.Answer(500));
        await ReadAsync(blob, 0, 100);
        await ReadAsync(blob, 0, 100);
        Assert.StartsWith($"mirror {mirror.Server.Host} of {_registry.Server.Host} is passed over: ", Assert.Single(told), StringComparison.Ordinal);

        _registry.Time.Advance(TimeSpan.FromMinutes(2));
        await ReadAsync(blob, 0, 50);
        await ReadAsync(blob, 0, 50);
        Assert.Equal($"mirror {mirror.Server.Host} of {_registry.Server.Host} is used again", told[1]);
        Assert.Equal(2, told.Count);
        Assert.Equal((3, 100, 1, 1), Counts(mirror.Server.Host));
        Assert.Equal((2, 200, 0, 0), Counts(_registry.Server.Host));
        var all = client.Counters.Snapshot();
        Assert.Equal((5, 300), (all.Requests, all.BytesReceived));

        (long, long, long, long) Counts(string host)
        {
            var counts = endpoints.Get(host).Counters.Snapshot();
            return (counts.Requests, counts.BytesReceived, counts.Failures, counts.Retries);
        }
    }

    [Fact]
    public async Task What_nobody_has_is_missing_by_the_word_of_the_registry()
    {
        await using var mirror = new FakeRegistry();
        _registry.WriteHosts("_default", $"[host.\"{mirror.Server.Url}\"]\n");
        mirror.Server.Inject(Fault.Answer(403), int.MaxValue);
        using var client = _registry.Client();
        Assert.Equal(SourceFailure.Missing, (await Assert.ThrowsAsync<SourceException>(async () => await GetAsync(client, "absent"))).Failure);
    }

    [Fact]
    public async Task A_mirror_does_not_see_the_registrys_credentials()
    {
        await using var mirror = new FakeRegistry { Authorization = "something", Challenge = "Basic realm=mirror" };
        _registry.WriteHosts("_default", $"[host.\"{mirror.Server.Url}\"]\n");
        _registry.WriteConfig($$"""{"auths":{"HOST":{"auth":"{{Convert.ToBase64String(Encoding.UTF8.GetBytes("me:secret"))}}"} } }""");
        _registry.Manifests["tag"] = "{}"u8.ToArray();
        using var client = _registry.Client();
        await GetAsync(client, "tag");
        Assert.All(mirror.Server.Requests, request => Assert.Null(request["Authorization"]));
        Assert.NotEmpty(mirror.Server.Requests);
    }
}
