using System.Text;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tests.Tar;
using VirtioFsStore.FaultProxy;
using VirtioFsStore.ImageMaker;
using VirtioFsStore.RealServers;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Oci;

/// <summary>Against a real registry.</summary>
public sealed class RegistryImageSourceTests : IAsyncLifetime, IAsyncDisposable
{
    static readonly byte[] s_tar = new TarWriter().File("a", "b").ToArray();

    /// <summary>More than one chunk of an upload, and not to be compressed.</summary>
    static readonly byte[] s_large = LargeBlob();

    readonly LayoutWriter _layout = new();
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-registry").FullName;
    readonly RemoteEndpoints _endpoints = new(random: () => 0);
    RegistryServer? _registry;

    public Task InitializeAsync() => Task.CompletedTask;

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public async ValueTask DisposeAsync()
    {
        if (_registry is not null) await _registry.DisposeAsync();
        _layout.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    static byte[] LargeBlob()
    {
        var bytes = new byte[40 << 20];
        new Random(5).NextBytes(bytes);
        return bytes;
    }

    async Task<RegistryImageSource> StartAsync(RegistryServerOptions? options = null)
    {
        _registry = await RegistryServer.StartAsync(options ?? new RegistryServerOptions());
        return Open(_registry.Host);
    }

    RegistryImageSource Open(string host, RemoteEndpoints? endpoints = null) => (RegistryImageSource)ImageSources.Open(
        ImageReference.Parse($"docker://{host}/some/repo"),
        new RemoteOptions
        {
            Registry = new RegistryOptions { ConfigFile = Path.Combine(_folder, "config.json"), HostsFolder = Path.Combine(_folder, "certs.d") },
            // No registry of a busy machine starts slower than this.
            Timeout = TimeSpan.FromMinutes(5),
        }, endpoints ?? _endpoints);

    ImageReference Reference(string suffix) => ImageReference.Parse($"docker://{_registry!.Host}/some/repo{suffix}");

    void LogIn(string password) => File.WriteAllText(
        Path.Combine(_folder, "config.json"),
        $$"""{"auths":{"{{_registry!.Host}}":{"auth":"{{Convert.ToBase64String(Encoding.UTF8.GetBytes($"{RegistryServer.User}:{password}"))}}"} } }""");

    async Task<ResolvedImage> PushAsync(RegistryImageSource registry, string from, params string?[] tags)
    {
        await using var layout = new LayoutImageSource(_layout.Path);
        var image = await ImageResolver.ResolveAsync(layout, ImageReference.Parse($"oci:{_layout.Path}:{from}"), Platform.Current, default);
        var manifest = await ReadAsync(await layout.OpenManifestAsync(image.Manifest, default));
        using var document = System.Text.Json.JsonDocument.Parse(manifest);
        var config = document.RootElement.GetProperty("config");
        var blobs = image.Layers.Select(layer => layer.Blob).Append(new Descriptor(
            LayoutWriter.ConfigType, Digest.Parse(config.GetProperty("digest").GetString()!), config.GetProperty("size").GetInt64(), null, new Dictionary<string, string>()));
        foreach (var blob in blobs)
            if (!await registry.HasBlobAsync(blob, default))
                await registry.PushBlobAsync(blob, await layout.OpenBlobAsync(blob, default), null, default);
        foreach (var tag in tags) await registry.PushManifestAsync(image.Manifest, manifest, tag, default);
        return image;
    }

    static async Task<byte[]> ReadAsync(IRangeSource source)
    {
        var bytes = new byte[source.Size];
        await source.ReadAsync(0, bytes, default);
        return bytes;
    }

    static Descriptor Blob(byte[] bytes) => new("application/octet-stream", Digest.Sha256(bytes), bytes.Length, null, new Dictionary<string, string>());

    static BytesSource Source(byte[] bytes) => new("bytes", bytes, default);

    [RealServerFact]
    public async Task What_was_pushed_is_found_by_tag_and_by_digest_and_read()
    {
        _layout.Image("v1", s_tar);
        await using var registry = await StartAsync();
        var pushed = await PushAsync(registry, "v1", "v1", null);
        foreach (var suffix in new[] { ":v1", $"@{pushed.Manifest.Digest}" })
        {
            await using var fresh = Open(_registry!.Host);
            var image = await ImageResolver.ResolveAsync(fresh, Reference(suffix), Platform.Current, default);
            Assert.Equal(pushed.Manifest.Digest, image.Manifest.Digest);
            // The manifest and the configuration: one request each.
            Assert.Equal(2, fresh.Counters.Snapshot().Requests);
            var layer = Assert.Single(image.Layers);
            var blob = await fresh.OpenBlobAsync(layer.Blob, default);
            Assert.Equal(2, fresh.Counters.Snapshot().Requests);
            Assert.Equal(LayoutWriter.Gzip(s_tar), await ReadAsync(blob));
            var range = new byte[10];
            await blob.ReadAsync(7, range, default);
            Assert.Equal(LayoutWriter.Gzip(s_tar)[7..17], range);
        }
    }

    [RealServerFact]
    public async Task What_is_not_there_is_said_not_to_be()
    {
        await using var registry = await StartAsync();
        var error = await Assert.ThrowsAsync<ImageException>(async () => await registry.FindAsync(Reference(":absent"), default));
        Assert.Contains("has no tag 'absent'", error.Message, StringComparison.Ordinal);
        Assert.False(await registry.HasBlobAsync(Blob(s_tar), default));
        var blob = await registry.OpenBlobAsync(Blob(s_tar), default);
        Assert.Equal(SourceFailure.Missing, (await Assert.ThrowsAsync<SourceException>(() => ReadAsync(blob))).Failure);
        Assert.Equal(SourceFailure.Missing, (await Assert.ThrowsAsync<SourceException>(async () => await registry.ListAsync(default))).Failure);
    }

    [RealServerFact]
    public async Task All_tags_are_listed_with_what_they_mean()
    {
        _layout.Image("one", s_tar);
        _layout.Image("two", s_tar, s_tar);
        await using var registry = await StartAsync();
        var one = await PushAsync(registry, "one", "a", "b");
        var two = await PushAsync(registry, "two", "c");
        var all = (await registry.ListAsync(default)).OrderBy(manifest => manifest.RefName, StringComparer.Ordinal);
        Assert.Equal(
            [("a", one.Manifest.Digest, one.Manifest.Size), ("b", one.Manifest.Digest, one.Manifest.Size), ("c", two.Manifest.Digest, two.Manifest.Size)],
            all.Select(manifest => (manifest.RefName!, manifest.Digest, manifest.Size)));
    }

    [RealServerFact]
    public async Task Without_a_tag_latest_is_meant_or_the_only_image_and_the_tag_is_told()
    {
        _layout.Image("one", s_tar);
        _layout.Image("two", s_tar, s_tar);
        await using var registry = await StartAsync();
        var one = (await PushAsync(registry, "one", "v1", $"sha256-{new string('a', 64)}.layer-index")).Manifest.Digest;
        var found = Assert.Single(await registry.FindAsync(Reference(""), default));
        Assert.Equal((one, "v1"), (found.Digest, found.RefName));

        await PushAsync(registry, "one", "v2");
        var error = await Assert.ThrowsAsync<ImageException>(async () => await registry.FindAsync(Reference(""), default));
        Assert.Contains("name one: v1, v2", error.Message, StringComparison.Ordinal);

        var two = (await PushAsync(registry, "two", "latest")).Manifest.Digest;
        found = Assert.Single(await registry.FindAsync(Reference(""), default));
        Assert.Equal((two, "latest"), (found.Digest, found.RefName));

        await using var fresh = Open(_registry!.Host);
        await fresh.FindAsync(Reference(""), default);
        Assert.Equal(1, fresh.Counters.Snapshot().Requests);
    }

    [RealServerFact]
    public async Task Without_a_tag_the_only_image_is_removed()
    {
        _layout.Image("one", s_tar);
        await using var registry = await StartAsync();
        await PushAsync(registry, "one", "v1");
        await registry.RemoveAsync(Reference(""), default);
        Assert.Empty(await registry.ListAsync(default));
        Assert.Contains("has no tag", (await Assert.ThrowsAsync<ImageException>(async () => await registry.RemoveAsync(Reference(""), default))).Message, StringComparison.Ordinal);
    }

    [RealServerFact]
    public async Task A_tag_alone_is_removed_where_it_is_the_only_one()
    {
        _layout.Image("one", s_tar);
        await using var registry = await StartAsync();
        var image = await PushAsync(registry, "one", "a", "b");
        var error = await Assert.ThrowsAsync<SourceException>(async () => await registry.RemoveAsync(Reference(":a"), default));
        Assert.Contains("is also b", error.Message, StringComparison.Ordinal);
        await registry.RemoveAsync(Reference($"@{image.Manifest.Digest}"), default);
        await using (var fresh = Open(_registry!.Host))
            await Assert.ThrowsAsync<ImageException>(async () => await fresh.FindAsync(Reference(":a"), default));

        await PushAsync(registry, "one", "c");
        await registry.RemoveAsync(Reference(":c"), default);
        Assert.Empty(await registry.ListAsync(default));
        await Assert.ThrowsAsync<ImageException>(async () => await registry.RemoveAsync(Reference(":c"), default));
    }

    [RealServerFact]
    public async Task What_is_removed_is_what_the_registry_means_by_a_tag_and_not_what_a_mirror_does()
    {
        _layout.Image("one", s_tar);
        _layout.Image("two", s_tar, s_tar);
        await using var direct = await StartAsync();
        await PushAsync(direct, "one", "a");
        await using var mirror = await RegistryServer.StartAsync();
        await using var ofMirror = Open(mirror.Host);
        var older = (await PushAsync(ofMirror, "two", "a")).Manifest.Digest;
        var hosts = Directory.CreateDirectory(Path.Combine(_folder, "certs.d", _registry!.Host)).FullName;
        await File.WriteAllTextAsync(Path.Combine(hosts, "hosts.toml"), $"[host.\"{mirror.Endpoint}\"]\ncapabilities = [\"pull\", \"resolve\"]\n");
        await using var registry = Open(_registry.Host);
        Assert.Equal(older, Assert.Single(await registry.FindAsync(Reference(":a"), default)).Digest);

        await registry.RemoveAsync(Reference(":a"), default);

        Assert.Empty(await direct.ListAsync(default));
        Assert.Equal(older, Assert.Single(await ofMirror.ListAsync(default)).Digest);
    }

    [RealServerFact]
    public async Task A_registry_that_forbids_removal_is_understood()
    {
        _layout.Image("one", s_tar);
        await using var registry = await StartAsync(new RegistryServerOptions { Deletion = false });
        await PushAsync(registry, "one", "a");
        Assert.Contains("forbids to delete", (await Assert.ThrowsAsync<SourceException>(async () => await registry.RemoveAsync(Reference(":a"), default))).Message, StringComparison.Ordinal);
    }

    [RealServerFact]
    public async Task A_large_blob_goes_up_in_chunks()
    {
        await using var registry = await StartAsync();
        await registry.PushBlobAsync(Blob(s_large), Source(s_large), null, default);
        Assert.True(await registry.HasBlobAsync(Blob(s_large), default));
        Assert.Equal(s_large, await ReadAsync(await registry.OpenBlobAsync(Blob(s_large), default)));
    }

    [RealServerFact]
    public async Task Uploads_that_broke_go_on_where_the_registry_stopped()
    {
        await using var direct = await StartAsync();
        await using var proxy = FaultServer.Forward(_registry!.Endpoint);
        await using var registry = Open(proxy.Host);
        proxy.Inject(Fault.Answer(403), 1, request => request["Content-Range"] is "33554432-41943039");
        await Assert.ThrowsAsync<SourceException>(async () => await registry.PushBlobAsync(Blob(s_large), Source(s_large), null, default));
        await registry.PushBlobAsync(Blob(s_large), Source(s_large), null, default);
        Assert.True(await direct.HasBlobAsync(Blob(s_large), default));
        Assert.Equal(
            ["0-33554431", "33554432-41943039", "33554432-41943039"],
            proxy.Requests.Where(request => request.Method == "PATCH").Select(request => request["Content-Range"]));
        Assert.Single(proxy.Requests, request => request.Method == "POST");
    }

    /// <summary>This registry drops an upload whose state it did not tell the client, so that it begins anew.</summary>
    [RealServerFact]
    public async Task Uploads_whose_chunks_or_answers_are_lost_get_there()
    {
        await using var direct = await StartAsync();
        await using var proxy = FaultServer.Forward(_registry!.Endpoint);
        await using var registry = Open(proxy.Host);
        proxy.Inject(new Fault { ResetAfter = -1 }, 1, request => request.Method == "PATCH");
        proxy.Inject(new Fault { TakeOnly = 1_000_000 }, 1, request => request["Content-Range"] is "33554432-41943039");
        proxy.Inject(new Fault { ResetAfter = -1 }, 1, request => request.Method == "PUT");
        await registry.PushBlobAsync(Blob(s_large), Source(s_large), null, default);
        Assert.True(await direct.HasBlobAsync(Blob(s_large), default));
    }

    [RealServerFact]
    public async Task A_blob_of_another_digest_does_not_get_there()
    {
        await using var registry = await StartAsync();
        var blob = Blob(s_tar) with { Digest = Digest.Sha256("other"u8) };
        await Assert.ThrowsAsync<SourceException>(async () => await registry.PushBlobAsync(blob, Source(s_tar), null, default));
        Assert.False(await registry.HasBlobAsync(blob, default));
    }

    [RealServerFact]
    public async Task A_range_beyond_the_end_is_another_blob_and_harms_no_other_request()
    {
        await using var registry = await StartAsync();
        await registry.PushBlobAsync(Blob(s_tar), Source(s_tar), null, default);
        var wrong = await registry.OpenBlobAsync(Blob(s_tar) with { Size = s_tar.Length + 1000 }, default);
        for (var i = 0; i < 5; i++)
        {
            var error = await Assert.ThrowsAsync<SourceException>(async () => await wrong.ReadAsync(s_tar.Length + 1, new byte[10], default));
            Assert.True(error.Failure is SourceFailure.Changed or SourceFailure.Permanent, error.Message);
            Assert.Equal(s_tar, await ReadAsync(await registry.OpenBlobAsync(Blob(s_tar), default)));
        }
    }

    [RealServerFact]
    public async Task A_password_that_changes_is_read_anew()
    {
        _layout.Image("one", s_tar);
        await using var registry = await StartAsync(new RegistryServerOptions { Authentication = true });
        Assert.Equal(SourceFailure.Refused, (await Assert.ThrowsAsync<SourceException>(() => PushAsync(registry, "one", "a"))).Failure);
        LogIn(RegistryServer.Password);
        var image = await PushAsync(registry, "one", "a");
        var blob = await registry.OpenBlobAsync(image.Layers[0].Blob, default);
        Assert.Equal(LayoutWriter.Gzip(s_tar), await ReadAsync(blob));

        _registry!.ChangePassword();
        LogIn(RegistryServer.ChangedPassword);
        Assert.Equal(LayoutWriter.Gzip(s_tar), await ReadAsync(blob));
    }

    [RealServerFact]
    public async Task A_private_authority_is_found_beside_the_hosts_configuration()
    {
        _layout.Image("one", s_tar);
        _registry = await RegistryServer.StartAsync(new RegistryServerOptions { Tls = true });
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "certs.d", _registry.Host)).FullName;
        File.Copy(_registry.CaFile, Path.Combine(folder, "ca.pem"));
        File.WriteAllText(Path.Combine(folder, "hosts.toml"), $"server = \"{_registry.Endpoint}\"\nca = \"ca.pem\"\n");
        await using var registry = Open(_registry.Host);
        var image = await PushAsync(registry, "one", "a");
        Assert.Equal(image.Manifest.Digest, Assert.Single(await registry.FindAsync(Reference(":a"), default)).Digest);
    }

    [RealServerFact]
    public async Task A_registry_that_comes_back_is_used_again()
    {
        await using var direct = await StartAsync();
        await direct.PushBlobAsync(Blob(s_tar), Source(s_tar), null, default);
        // Where nothing is waited between tries, as in the other tests, all of them may be over before a busy machine has started it.
        await using var registry = Open(_registry!.Host, new RemoteEndpoints(random: () => 1));
        var blob = await registry.OpenBlobAsync(Blob(s_tar), default);
        _registry.Stop();
        var reading = ReadAsync(blob);
        // It tries on and on; the registry is there again before its time is over.
        await _registry.StartAgainAsync();
        Assert.Equal(s_tar, await reading);
    }

    [RealServerFact]
    public async Task Layers_read_through_a_line_that_fails_in_every_way_are_whole()
    {
        await using var direct = await StartAsync();
        await direct.PushBlobAsync(Blob(s_large), Source(s_large), null, default);
        await using var proxy = FaultServer.Forward(_registry!.Endpoint);
        await using var registry = Open(proxy.Host);
        var random = new Random(11);
        for (var i = 0; i < 12; i++)
        {
            proxy.Inject(random.Next(4) switch
            {
                0 => Fault.Answer(random.Next(2) == 0 ? 500 : 503),
                1 => new Fault { CutAfter = random.Next(5 << 20) },
                2 => new Fault { ResetAfter = random.Next(-1, 5 << 20) },
                _ => new Fault { NeverEnd = true, ResetAfter = 6 << 20 },
            });
        }

        Assert.Equal(s_large, await ReadAsync(await registry.OpenBlobAsync(Blob(s_large), default)));
        Assert.Equal(12, registry.Counters.Snapshot().Retries);
    }
}
