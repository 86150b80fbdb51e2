using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Registry;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.FaultProxy;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Registry;

/// <summary>As much of a registry as its clients see, with tokens or passwords if it is told so, for what no real one can be brought to do.</summary>
sealed class FakeRegistry : IAsyncDisposable
{
    public const string ManifestType = "application/vnd.oci.image.manifest.v1+json";
    public const string Repository = "some/repository";

    readonly Lock _lock = new();
    readonly Dictionary<string, MemoryStream> _uploads = [];
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-registry").FullName;

    /// <param name="certificate">Speaks TLS where it is given.</param>
    /// <param name="asksForCertificate">Of clients.</param>
    public FakeRegistry(X509Certificate2? certificate = null, bool asksForCertificate = false) =>
        Server = FaultServer.Serve(Answer, null, certificate, asksForCertificate);

    public FaultServer Server { get; }

    public Dictionary<string, byte[]> Manifests { get; } = [];

    public Dictionary<string, byte[]> Blobs { get; } = [];

    /// <summary>What has to be shown; null for nothing.</summary>
    public string? Authorization { get; set; }

    /// <summary>What is said to those who do not show it.</summary>
    public string Challenge { get; set; } = "";

    /// <summary>What is asked of the token server, which lives here, too.</summary>
    public Func<ProxyRequest, ProxyAnswer> Tokens { get; set; } = _ => ProxyAnswer.Of(500);

    public List<string> Tags { get; } = [];

    public int TagsOfAPage { get; set; } = 2;

    public string ConfigFile => Path.Combine(_folder, "config.json");

    public string HostsFolder => Path.Combine(_folder, "certs.d");

    public ManualTime Time { get; } = new();

    public RemoteOptions Options => new() { Registry = new RegistryOptions { ConfigFile = ConfigFile, HostsFolder = HostsFolder }, Timeout = TimeSpan.FromMinutes(1) };

    /// <param name="time">Null for <see cref="Time"/>.</param>
    public RegistryClient Client(TimeProvider? time = null) => new(RegistryName.Parse($"{Server.Host}/{Repository}"), Options, new RemoteEndpoints(time ?? Time, () => 0));

    public void WriteConfig(string json) => File.WriteAllText(ConfigFile, json.Replace("HOST", Server.Host, StringComparison.Ordinal));

    public void WriteHosts(string folder, string toml)
    {
        var path = Directory.CreateDirectory(Path.Combine(HostsFolder, folder)).FullName;
        File.WriteAllText(Path.Combine(path, "hosts.toml"), toml);
    }

    public Digest Put(byte[] blob)
    {
        var digest = Digest.Sha256(blob);
        lock (_lock) Blobs[digest.ToString()] = blob;
        return digest;
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    ProxyAnswer Answer(ProxyRequest request)
    {
        lock (_lock)
        {
            if (request.Path == "/token") return Tokens(request);
            if (Authorization is not null && request["Authorization"] != Authorization)
                return ProxyAnswer.Of(401, default, ("WWW-Authenticate", Challenge.Replace("HOST", Server.Host, StringComparison.Ordinal)));
            var prefix = $"/v2/{Repository}/";
            if (!request.Path.StartsWith(prefix, StringComparison.Ordinal)) return ProxyAnswer.Of(404);
            var parts = request.Path[prefix.Length..].Split('/');
            return (parts[0], parts[1], request.Method) switch
            {
                ("tags", "list", _) => ListTags(request),
                ("manifests", var name, "PUT") => PutManifest(name, request.Body),
                ("manifests", var name, _) => Manifests.TryGetValue(name, out var manifest) ? OfManifest(manifest) : ProxyAnswer.Of(404),
                ("blobs", "uploads", var method) => Upload(method, parts[2], request),
                ("blobs", var digest, _) => Blobs.TryGetValue(digest, out var blob) ? ProxyAnswer.OfContent(request, blob) : ProxyAnswer.Of(404),
                _ => ProxyAnswer.Of(404),
            };
        }
    }

    static ProxyAnswer OfManifest(byte[] manifest) =>
        ProxyAnswer.Of(200, manifest, ("Content-Type", ManifestType), ("Docker-Content-Digest", Digest.Sha256(manifest).ToString()));

    ProxyAnswer PutManifest(string name, byte[] manifest)
    {
        Manifests[name] = Manifests[Digest.Sha256(manifest).ToString()] = manifest;
        return ProxyAnswer.Of(201);
    }

    ProxyAnswer ListTags(ProxyRequest request)
    {
        var from = request.Query.Split("last=") is [_, var last] ? int.Parse(last, CultureInfo.InvariantCulture) : 0;
        var page = Tags.Skip(from).Take(TagsOfAPage).Select(tag => $"\"{tag}\"");
        var answer = ProxyAnswer.Of(200, Encoding.UTF8.GetBytes($$"""{"name":"{{Repository}}","tags":[{{string.Join(',', page)}}]}"""));
        if (from + TagsOfAPage < Tags.Count) answer.Headers["Link"] = $"</v2/{Repository}/tags/list?n={TagsOfAPage}&last={from + TagsOfAPage}>; rel=\"next\"";
        return answer;
    }

    ProxyAnswer Upload(string method, string id, ProxyRequest request)
    {
        if (method == "POST") _uploads[id = $"u{_uploads.Count}"] = new MemoryStream();
        if (!_uploads.TryGetValue(id, out var upload)) return ProxyAnswer.Of(404);
        switch (method)
        {
            case "PATCH":
                if (request["Content-Range"]!.Split('-')[0] != $"{upload.Length}") return ProxyAnswer.Of(416);
                upload.Write(request.Body);
                break;
            case "DELETE":
                _uploads.Remove(id);
                return ProxyAnswer.Of(204);
            case "PUT":
                _uploads.Remove(id);
                Blobs[Uri.UnescapeDataString(request.Query.Split("digest=")[1])] = upload.ToArray();
                return ProxyAnswer.Of(201);
        }

        return ProxyAnswer.Of(
            method == "GET" ? 204 : 202, default,
            ("Location", $"/v2/{Repository}/blobs/uploads/{id}?_state=s{upload.Length}"), ("Range", $"0-{Math.Max(0, upload.Length - 1)}"));
    }
}
