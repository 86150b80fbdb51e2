using System.Text.RegularExpressions;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.ImageMaker;
using VirtioFsStore.RealServers;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Lazy;

/// <summary>A real S3 service and a real registry with <see cref="KnownImage"/> in each, indexes beside it, for the tests of a class. Each is started
/// by the first that asks for it.</summary>
public sealed partial class RemotePlaces : IAsyncLifetime, IDisposable
{
    const string Bucket = "images";

    readonly LayoutWriter _layout = new();
    readonly TemporaryDirectory _directory = new();
    readonly Lazy<Task<ObjectStoreServer>> _bucket;
    readonly Lazy<Task<RegistryServer>> _registry;
    readonly Lazy<bool> _indexed;

    public RemotePlaces()
    {
        _indexed = new(() =>
        {
            Put("v1", Image);
            Put("v2", Changed);
            return true;
        });
        _bucket = new(async () =>
        {
            var server = await ObjectStoreServer.StartAsync(Bucket);
            Push("v1", $"s3://{Bucket}/web:v1", EnvironmentOf(server.Endpoint));
            return server;
        });
        _registry = new(async () =>
        {
            var server = await RegistryServer.StartAsync();
            Push("v1", $"docker://{server.Host}/web:v1", null);
            return server;
        });
    }

    /// <summary>Tag v1.</summary>
    public KnownImage Image { get; } = new(1);

    /// <summary>What a tag may be moved to: another image of the same files.</summary>
    public KnownImage Changed { get; } = new(2);

    /// <summary>Where the server itself listens.</summary>
    public async Task<Uri> EndpointAsync(PlaceKind kind) => kind == PlaceKind.Bucket ? (await _bucket.Value).Endpoint : (await _registry.Value).Endpoint;

    /// <param name="kind">What is meant.</param>
    /// <param name="host">HOST:PORT where a registry is reached.</param>
    /// <param name="tag">The tag.</param>
    public static string Reference(PlaceKind kind, string host, string tag = "v1") =>
        kind == PlaceKind.Bucket ? $"s3://{Bucket}/web:{tag}" : $"docker://{host}/web:{tag}";

    /// <summary>What AWS's tools and this program find an S3 service and its credentials by.</summary>
    public static IReadOnlyDictionary<string, string> EnvironmentOf(Uri endpoint) => new Dictionary<string, string>
    {
        ["AWS_ENDPOINT_URL_S3"] = endpoint.ToString().TrimEnd('/'),
        ["AWS_ACCESS_KEY_ID"] = ObjectStoreServer.AccessKey,
        ["AWS_SECRET_ACCESS_KEY"] = ObjectStoreServer.SecretKey,
        ["AWS_REGION"] = "us-east-1",
    };

    /// <summary>Gives one of the images (v1, v2) a tag of a place. Returns its digest.</summary>
    public async Task<string> TagAsync(PlaceKind kind, string image, string tag)
    {
        var endpoint = await EndpointAsync(kind);
        return DigestText().Match(Push(image, Reference(kind, endpoint.Authority, tag), EnvironmentOf(endpoint))).Value;
    }

    /// <summary>Puts image v1 elsewhere.</summary>
    public void PushTo(string target, params ReadOnlySpan<string> more)
    {
        _ = _indexed.Value;
        Run(null, ["image", "push", $"oci:{_directory["indexed"]}:v1", target, .. more]);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_bucket.IsValueCreated)
            await (await _bucket.Value).DisposeAsync();
        if (_registry.IsValueCreated)
            await (await _registry.Value).DisposeAsync();
    }

    public void Dispose()
    {
        _layout.Dispose();
        _directory.Dispose();
    }

    void Put(string tag, KnownImage image)
    {
        _layout.Image(tag, [.. image.Layers]);
        Run(null, "image", "index", $"oci:{_layout.Path}:{tag}", "--push", "--store", _directory["store"]);
        // LayoutWriter writes the whole index.json for each tag: each image goes where it stays at once.
        Run(null, "image", "push", $"oci:{_layout.Path}:{tag}-indexed", $"oci:{_directory["indexed"]}:{tag}");
    }

    string Push(string tag, string target, IReadOnlyDictionary<string, string>? environment)
    {
        _ = _indexed.Value;
        return Run(environment, "image", "push", $"oci:{_directory["indexed"]}:{tag}", target);
    }

    static string Run(IReadOnlyDictionary<string, string>? environment, params string[] arguments)
    {
        using var process = ChildProcess.Launch(Daemon.Program, arguments, environment: environment);
        if (!process.WaitForExit(TimeSpan.FromMinutes(1)) || process.ExitCode != 0)
            throw new InvalidOperationException($"virtiofs-store {string.Join(' ', arguments)} failed. It wrote:\n{process.ErrorText}");
        return process.OutputText;
    }

    [GeneratedRegex("sha256:[0-9a-f]{64}", RegexOptions.RightToLeft)]
    private static partial Regex DigestText();
}
