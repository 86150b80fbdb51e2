using System.CommandLine;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Daemon.HostMounts;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>The options that say how buckets and registries are reached: the same for every command that takes an image.</summary>
static class RemoteSourceOptions
{
    static readonly Option<string?> s_endpoint = new("--s3-endpoint") { Description = "The S3 service that s3:// means, as http://HOST[:PORT] or https://HOST[:PORT]. Default: $AWS_ENDPOINT_URL_S3, $AWS_ENDPOINT_URL, the profile's endpoint_url, else AWS.", HelpName = "URL" };
    static readonly Option<string?> s_region = new("--s3-region") { Description = "The region of the bucket. Default: $AWS_REGION, the profile's, else us-east-1.", HelpName = "REGION" };
    static readonly Option<string?> s_profile = new("--s3-profile") { Description = "The profile in ~/.aws/config and ~/.aws/credentials. Default: $AWS_PROFILE, else what AWS's tools find by themselves.", HelpName = "NAME" };
    static readonly Option<string> s_pathStyle = Choices.Create("--s3-path-style", "Where the bucket's name goes: always (into the path), never (into the host name), auto (into the path where an endpoint is named).", "auto", "auto", "always", "never");
    static readonly Option<string?> s_dockerConfig = new("--docker-config") { Description = "Credentials of registries, in the form of docker login. Default: $REGISTRY_AUTH_FILE where that is set; then config.json in $DOCKER_CONFIG or ~/.docker; then, without $REGISTRY_AUTH_FILE, containers/auth.json in $XDG_RUNTIME_DIR and in ~/.config, where podman login and skopeo login put them.", HelpName = "FILE" };
    static readonly Option<string?> s_registryHosts = new("--registry-hosts") { Description = "Mirrors and certificates of registries: HOST/hosts.toml, as containerd has them. Default: /etc/containerd/certs.d, else /etc/docker/certs.d.", HelpName = "DIR" };
    static readonly Option<bool> s_plainHttp = new("--plain-http") { Description = "Reach registries by http. Without it, only one on this machine is." };

    public static void AddTo(Command command)
    {
        foreach (var option in (Option[])[s_endpoint, s_region, s_profile, s_pathStyle, s_dockerConfig, s_registryHosts, s_plainHttp])
            command.Add(option);
    }

    /// <summary>Paths become absolute: a keeper in another directory may use them.</summary>
    /// <exception cref="UsageException">The endpoint is no URL of a service.</exception>
    /// <exception cref="IOException">A file or a directory that is named is not there.</exception>
    public static RemoteOptions Read(ParseResult parsed) => new()
    {
        S3 = new S3Options
        {
            Endpoint = parsed.GetValue(s_endpoint) is { } endpoint ? CheckEndpoint(endpoint) : null,
            Region = parsed.GetValue(s_region),
            Profile = parsed.GetValue(s_profile),
            UploadNotes = HostFolders.Uploads,
            PathStyle = parsed.GetValue(s_pathStyle) switch { "always" => true, "never" => false, _ => null },
        },
        Registry = new RegistryOptions
        {
            ConfigFile = FullPath(parsed.GetValue(s_dockerConfig)) is { } config ? CheckFile(config) : null,
            HostsFolder = FullPath(parsed.GetValue(s_registryHosts)) is { } hosts ? CheckFolder(hosts) : null,
            PlainHttp = parsed.GetValue(s_plainHttp),
        },
    };

    static string CheckEndpoint(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.Query.Length == 0 && url.UserInfo.Length == 0
            ? text
            : throw new UsageException($"{s_endpoint.Name} takes a URL such as https://s3.example.com:9000, got '{text}'");

    static string CheckFile(string path) => File.Exists(path)
        ? path
        : throw new FileNotFoundException($"{s_dockerConfig.Name} {path}: {(Directory.Exists(path) ? "it is a directory; name the file in it, such as config.json" : "there is no such file")}");

    static string CheckFolder(string path) => Directory.Exists(path)
        ? path
        : throw new DirectoryNotFoundException($"{s_registryHosts.Name} {path}: {(File.Exists(path) ? "it is a file; name the directory that holds HOST/hosts.toml" : "there is no such directory")}");

    static string? FullPath(string? path) => string.IsNullOrEmpty(path) ? null : Path.GetFullPath(path);
}
