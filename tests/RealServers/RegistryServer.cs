using System.Net;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.RealServers;

/// <summary>The reference implementation of a registry (docker-registry) on a port of 127.0.0.1.</summary>
public sealed class RegistryServer : LocalServer
{
    public const string User = "tester";
    public const string Password = "open sesame";
    public const string ChangedPassword = "changed";

    /// <summary>bcrypt, the only form that it takes, by crypt(3).</summary>
    const string PasswordHash = "$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW";
    const string ChangedPasswordHash = "$2y$05$abcdefghijklmnopqrstuuZHDdPPl57vGSi2Jpi.TeOSHlzyP0rb6";

    readonly RegistryServerOptions _options;

    RegistryServer(RegistryServerOptions options) => _options = options;

    /// <summary>As it stands in a reference: HOST:PORT.</summary>
    public string Host => $"127.0.0.1:{Port}";

    public Uri Endpoint => new($"{(_options.Tls ? "https" : "http")}://{Host}");

    /// <summary>The certificate of its CA, PEM.</summary>
    public string CaFile => Folder["ca.crt"];

    public static Task<RegistryServer> StartAsync() => StartAsync(new RegistryServerOptions());

    public static async Task<RegistryServer> StartAsync(RegistryServerOptions options)
    {
        var registry = new RegistryServer(options);
        registry.WritePassword(PasswordHash);
        if (options.Tls) PrivateAuthority.Issue(registry.CaFile, registry.Folder["server.crt"], registry.Folder["server.key"]);
        await registry.StartOnFreePortAsync().ConfigureAwait(false);
        return registry;
    }

    /// <summary>From now on <see cref="ChangedPassword"/> is the user's.</summary>
    public void ChangePassword()
    {
        // It reads the file anew when its time of change differs, by whole seconds on some file systems.
        WritePassword(ChangedPasswordHash);
        File.SetLastWriteTimeUtc(Folder["htpasswd"], DateTime.UtcNow.AddSeconds(5));
    }

    private protected override void WriteConfiguration() => File.WriteAllText(Folder["config.yml"], ConfigurationText());

    void WritePassword(string hash) => File.WriteAllText(Folder["htpasswd"], $"{User}:{hash}\n");

    private protected override Task<ServerProcess> LaunchAsync() =>
        ServerProcess.StartAsync(RealParts.Default.DockerRegistry, ["serve", Folder["config.yml"]], AskAsync, CancellationToken.None);

    async Task AskAsync(CancellationToken cancellation)
    {
        using var handler = new SocketsHttpHandler();
        if (_options.Tls)
            handler.SslOptions.CertificateChainPolicy = PrivateAuthority.TrustIn(CaFile);
        using var client = new HttpClient(handler);
        using var answer = await client.GetAsync(new Uri(Endpoint, "/v2/"), cancellation).ConfigureAwait(false);
        var expected = _options.Authentication ? HttpStatusCode.Unauthorized : HttpStatusCode.OK;
        if (answer.StatusCode != expected) throw new InvalidOperationException($"The registry answered {(int)answer.StatusCode}, not {(int)expected}.");
    }

    string ConfigurationText()
    {
        var tls = _options.Tls ? $"tls: {{certificate: {Folder["server.crt"]}, key: {Folder["server.key"]}}}" : "";
        var authentication = _options.Authentication ? $"auth: {{htpasswd: {{realm: tests, path: {Folder["htpasswd"]}}}}}" : "";
        return $"""
            version: 0.1
            log:
              level: warn
            storage:
              filesystem:
                rootdirectory: {Folder["data"]}
              delete:
                enabled: {(_options.Deletion ? "true" : "false")}
            http:
              addr: 127.0.0.1:{Port}
              {tls}
            {authentication}

            """;
    }
}
