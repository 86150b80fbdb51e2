using System.Net;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.RealServers;

/// <summary>The reference implementation of a registry (docker-registry) on a port of 127.0.0.1.</summary>
public sealed class RegistryServer : IAsyncDisposable
{
    public const string User = "tester";
    public const string Password = "open sesame";
    public const string ChangedPassword = "changed";

    /// <summary>bcrypt, the only form that it takes, by crypt(3).</summary>
    const string PasswordHash = "$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW";
    const string ChangedPasswordHash = "$2y$05$abcdefghijklmnopqrstuuZHDdPPl57vGSi2Jpi.TeOSHlzyP0rb6";

    /// <summary>Another program may take a port between its choice and its use.</summary>
    const int Attempts = 3;

    readonly TemporaryDirectory _directory = new();
    readonly RegistryServerOptions _options;
    ServerProcess? _server;
    int _port;

    RegistryServer(RegistryServerOptions options) => _options = options;

    /// <summary>As it stands in a reference: HOST:PORT.</summary>
    public string Host => $"127.0.0.1:{_port}";

    public Uri Endpoint => new($"{(_options.Tls ? "https" : "http")}://{Host}");

    /// <summary>What it wrote since it was started last.</summary>
    public string Log => _server?.Log ?? "";

    /// <summary>The certificate of its CA, PEM.</summary>
    public string CaFile => _directory["ca.crt"];

    public static Task<RegistryServer> StartAsync() => StartAsync(new RegistryServerOptions());

    public static async Task<RegistryServer> StartAsync(RegistryServerOptions options)
    {
        var registry = new RegistryServer(options);
        try
        {
            await registry.StartAsync(CancellationToken.None).ConfigureAwait(false);
            return registry;
        }
        catch
        {
            await registry.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>From now on <see cref="ChangedPassword"/> is the user's.</summary>
    public void ChangePassword()
    {
        // It reads the file anew when its time of change differs, by whole seconds on some file systems.
        WritePassword(ChangedPasswordHash);
        File.SetLastWriteTimeUtc(_directory["htpasswd"], DateTime.UtcNow.AddSeconds(5));
    }

    /// <summary>Nobody answers on its port from now on. What is stored stays.</summary>
    public void Stop()
    {
        _server?.Dispose();
        _server = null;
    }

    /// <summary>On the port that it had.</summary>
    public async Task StartAgainAsync()
    {
        Stop();
        _server = await LaunchAsync(CancellationToken.None).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync()
    {
        Stop();
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }

    async Task StartAsync(CancellationToken cancellation)
    {
        WritePassword(PasswordHash);
        if (_options.Tls) PrivateAuthority.Issue(CaFile, _directory["server.crt"], _directory["server.key"]);
        for (var attempt = 1; ; attempt++)
        {
            _port = LocalPort.FindFree();
            await File.WriteAllTextAsync(_directory["config.yml"], ConfigurationText(), cancellation).ConfigureAwait(false);
            try
            {
                _server = await LaunchAsync(cancellation).ConfigureAwait(false);
                return;
            }
            catch (InvalidOperationException) when (attempt < Attempts)
            {
                // With another port.
            }
        }
    }

    void WritePassword(string hash) => File.WriteAllText(_directory["htpasswd"], $"{User}:{hash}\n");

    Task<ServerProcess> LaunchAsync(CancellationToken cancellation) =>
        ServerProcess.StartAsync(RealParts.Default.DockerRegistry, ["serve", _directory["config.yml"]], AskAsync, cancellation);

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
        var tls = _options.Tls ? $"tls: {{certificate: {_directory["server.crt"]}, key: {_directory["server.key"]}}}" : "";
        var authentication = _options.Authentication ? $"auth: {{htpasswd: {{realm: tests, path: {_directory["htpasswd"]}}}}}" : "";
        return $"""
            version: 0.1
            log:
              level: warn
            storage:
              filesystem:
                rootdirectory: {_directory["data"]}
              delete:
                enabled: {(_options.Deletion ? "true" : "false")}
            http:
              addr: 127.0.0.1:{_port}
              {tls}
            {authentication}

            """;
    }
}
