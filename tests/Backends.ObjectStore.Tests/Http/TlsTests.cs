using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Http;
using VirtioFsStore.Backends.ObjectStore.Tests.Registry;
using VirtioFsStore.FaultProxy;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Http;

public sealed class TlsTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-tls").FullName;
    readonly ECDsa _authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    readonly X509Certificate2 _authority;
    readonly string _authorityFile;

    public TlsTests()
    {
        var request = new CertificateRequest("CN=a private authority", _authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        _authorityFile = Write("ca.pem", _authority.ExportCertificatePem());
    }

    public void Dispose()
    {
        _authority.Dispose();
        _authorityKey.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    string Write(string name, string pem)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, pem);
        return path;
    }

    X509Certificate2 Certificate(string address, out ECDsa key)
    {
        key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={address}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Parse(address));
        request.CertificateExtensions.Add(names.Build());
        using var bare = request.Create(_authority, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1), [1, 2, 3]);
        using var whole = bare.CopyWithPrivateKey(key);
        // TLS wants a key that a store could hold.
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null);
    }

    FaultServer Serve(string address = "127.0.0.1", bool asksForCertificate = false) =>
        FaultServer.Serve(_ => ProxyAnswer.Of(200, "sound"u8.ToArray()), null, Certificate(address, out _), asksForCertificate);

    static async Task<HttpStatusCode> AskAsync(FaultServer server, HttpTrust trust)
    {
        using var link = new HttpLink(trust);
        using var response = await link.SendAsync(() => new HttpRequestMessage(HttpMethod.Get, server.Url), default);
        return response.StatusCode;
    }

    [Fact]
    public async Task A_private_authority_is_trusted_where_it_is_named()
    {
        await using var server = Serve();
        Assert.Equal(HttpStatusCode.OK, await AskAsync(server, new HttpTrust([_authorityFile], [], false)));
    }

    [Fact]
    public async Task An_unknown_authority_is_refused_for_good_and_the_remedy_told()
    {
        await using var server = Serve();
        var error = await Assert.ThrowsAsync<SourceException>(() => AskAsync(server, HttpTrust.System));
        Assert.Equal(SourceFailure.Permanent, error.Failure);
        Assert.Contains("'ca' in the host's hosts.toml", error.Message, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, await AskAsync(server, new HttpTrust([], [], true)));
    }

    [Fact]
    public async Task A_certificate_for_another_name_is_refused_whoever_signed_it()
    {
        await using var server = Serve("127.0.0.2");
        Assert.Equal(SourceFailure.Permanent, (await Assert.ThrowsAsync<SourceException>(() => AskAsync(server, new HttpTrust([_authorityFile], [], false)))).Failure);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_client_certificate_is_shown_where_one_is_asked_for(bool inOneFile)
    {
        await using var server = Serve(asksForCertificate: true);
        using var certificate = Certificate("127.0.0.9", out var key);
        var pem = certificate.ExportCertificatePem() + "\n";
        var (certificateFile, keyFile) = inOneFile
            ? (Write("both.pem", pem + key.ExportPkcs8PrivateKeyPem()), null)
            : (Write("client.cert", pem), Write("client.key", key.ExportPkcs8PrivateKeyPem()));
        Assert.Equal(HttpStatusCode.OK, await AskAsync(server, new HttpTrust([_authorityFile], [(certificateFile, keyFile)], false)));
        await Assert.ThrowsAsync<SourceException>(() => AskAsync(server, new HttpTrust([_authorityFile], [], false)));
    }

    [Theory]
    [InlineData("ca = \"CA\"\nclient = \"CLIENT\"", false, true)]
    [InlineData("ca = \"CA\"\nclient = \"CLIENT\"", true, false)]
    [InlineData("skip_verify = true\nclient = \"CLIENT\"", false, false)]
    public async Task Where_a_registry_sends_one_its_authorities_are_believed_and_no_more(string hosts, bool asksForCertificate, bool isRead)
    {
        await using var registry = new FakeRegistry(Certificate("127.0.0.1", out _), asksForCertificate: true);
        await using var store = Serve(asksForCertificate: asksForCertificate);
        using var certificate = Certificate("127.0.0.9", out var key);
        var client = Write("client.pem", certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem());
        hosts = hosts.Replace("CA", _authorityFile, StringComparison.Ordinal).Replace("CLIENT", client, StringComparison.Ordinal);
        registry.WriteHosts(registry.Server.Host, $"server = \"{registry.Server.Url}\"\n{hosts}\n");
        registry.Server.Inject(Fault.Redirect(store.Url), int.MaxValue);
        using var opened = registry.Client();
        await using var blob = opened.OpenBlob(Digest.Sha256("sound"u8), 5);
        var read = new byte[5];
        if (isRead) await blob.ReadAsync(0, read, default);
        else await Assert.ThrowsAsync<SourceException>(async () => await blob.ReadAsync(0, read, default));
        Assert.Equal(isRead ? "sound"u8.ToArray() : new byte[5], read);
        Assert.NotEmpty(registry.Server.Requests);
        Assert.Equal(isRead ? 1 : 0, store.Requests.Count);
    }

    [Fact]
    public async Task A_registry_by_https_has_no_token_server_by_http()
    {
        await using var tokens = FaultServer.Serve(_ => ProxyAnswer.Of(200, """{"token":"t"}"""u8.ToArray()));
        await using var registry = new FakeRegistry(Certificate("127.0.0.1", out _)) { Authorization = "Bearer t", Challenge = $"Bearer realm=\"{tokens.Url}token\"" };
        registry.WriteHosts(registry.Server.Host, $"server = \"{registry.Server.Url}\"\nca = \"{_authorityFile}\"\n");
        registry.WriteConfig("""{"auths":{"HOST":{"username":"me","password":"secret"} } }""");
        using var client = registry.Client();
        var error = await Assert.ThrowsAsync<SourceException>(async () => await client.GetManifestAsync("tag", [FakeRegistry.ManifestType], default));
        Assert.Contains("which is no https: credentials do not go there", error.Message, StringComparison.Ordinal);
        Assert.Empty(tokens.Requests);
    }

    [Fact]
    public void A_file_that_holds_no_certificate_is_named()
    {
        var file = Write("empty.pem", "nothing");
        Assert.Contains(file, Assert.Throws<SourceException>(() => new HttpLink(new HttpTrust([], [(file, null)], false))).Message, StringComparison.Ordinal);
        Assert.Contains("absent", Assert.Throws<SourceException>(() => new HttpLink(new HttpTrust([Path.Combine(_folder, "absent")], [], false))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_answers_in_http_where_https_was_asked_for_is_reached_with_an_option_that_is_named()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var answering = AnswerAsync();
        using var link = new HttpLink(HttpTrust.System);
        var error = await Assert.ThrowsAsync<SourceException>(async () => await link.SendAsync(() => new HttpRequestMessage(HttpMethod.Get, $"https://{listener.LocalEndpoint}/v2/"), default));
        Assert.EndsWith("a server that speaks http is reached with --plain-http", error.Message, StringComparison.Ordinal);
        await answering;

        async Task AnswerAsync()
        {
            using var client = await listener.AcceptTcpClientAsync();
            var stream = client.GetStream();
            _ = await stream.ReadAsync(new byte[4096]);
            await stream.WriteAsync("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"u8.ToArray());
        }
    }
}
