using System.Text.RegularExpressions;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>A repository, as it is named everywhere but on Docker Hub's own machines.</summary>
/// <param name="Host">HOST or HOST:PORT in lower case; <c>docker.io</c> for Docker Hub by whatever name.</param>
/// <param name="Repository">By the distribution specification's grammar: safe in a path.</param>
public sealed partial record RegistryName(string Host, string Repository)
{
    /// <summary>What users call it; it answers as <see cref="DockerHubServer"/>, and Docker keeps its credentials under <see cref="DockerHubKey"/>.</summary>
    const string DockerHub = "docker.io";

    const string DockerHubServer = "registry-1.docker.io";

    const string DockerHubKey = "https://index.docker.io/v1/";

    const int MaxLength = 255;

    /// <summary>Where it is asked without any configuration: HOST[:PORT].</summary>
    public string Server => Host == DockerHub ? DockerHubServer : Host;

    /// <summary>What its credentials are kept under.</summary>
    public string CredentialKey => Host == DockerHub ? DockerHubKey : Host;

    /// <param name="path">HOST/REPOSITORY.</param>
    /// <exception cref="SourceException">It is none.</exception>
    public static RegistryName Parse(string path)
    {
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        var host = (slash < 0 ? path : path[..slash]).ToLowerInvariant();
        var repository = slash < 0 ? "" : path[(slash + 1)..];
        if (!HostPattern().IsMatch(host)) throw new SourceException($"'{host}' is no registry: expected a host name or an address, and perhaps a port");
        if (host is "index.docker.io" or DockerHubServer) host = DockerHub;
        if (host == DockerHub && repository.Length > 0 && !repository.Contains('/', StringComparison.Ordinal)) repository = "library/" + repository;
        if (repository.Length > MaxLength || !RepositoryPattern().IsMatch(repository))
            throw new SourceException($"'{repository}' is no repository of {host}: expected lower-case letters and digits, parted by slashes, dots, dashes or underscores");
        return new RegistryName(host, repository);
    }

    /// <summary>Whether a registry can have a tag of that name.</summary>
    public static bool IsTag(string text) => TagPattern().IsMatch(text);

    public override string ToString() => $"{Host}/{Repository}";

    [GeneratedRegex(@"^([a-z0-9]([a-z0-9._-]{0,252}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?\z")]
    private static partial Regex HostPattern();

    [GeneratedRegex(@"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\z", RegexOptions.NonBacktracking)]
    private static partial Regex RepositoryPattern();

    [GeneratedRegex(@"^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}\z")]
    private static partial Regex TagPattern();
}
