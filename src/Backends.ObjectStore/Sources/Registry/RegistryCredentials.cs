using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>Credentials of registries on this machine: in the one file that was named, else in Docker's and then in those of podman and skopeo, of
/// which the one that the environment names comes before all (containers-auth.json(5)).</summary>
sealed class RegistryCredentials
{
    readonly List<DockerConfig> _files;

    /// <param name="file">The only one; null for all that there may be.</param>
    /// <param name="environment">Of this process; null for what it is.</param>
    public RegistryCredentials(string? file, Func<string, string?>? environment = null) =>
        _files = [.. (file is null ? Usual(environment ?? Environment.GetEnvironmentVariable) : [file]).Select(path => new DockerConfig(path))];

    /// <summary>For messages.</summary>
    public string Places => string.Join(", ", _files.Select(config => config.File));

    /// <param name="key">What a registry's credentials are kept under: HOST[:PORT], or Docker Hub's old URL.</param>
    /// <param name="repository">Of the registry.</param>
    /// <param name="cancellation">Ends a helper.</param>
    /// <returns>Null where there are none.</returns>
    /// <exception cref="SourceException">A file cannot be read, is not sound, or its helper failed.</exception>
    public async ValueTask<RegistryCredential?> FindAsync(string key, string repository, CancellationToken cancellation)
    {
        foreach (var config in _files)
            if (await config.FindAsync(key, repository, cancellation).ConfigureAwait(false) is { } found) return found;
        return null;
    }

    static IEnumerable<string> Usual(Func<string, string?> environment)
    {
        var home = Of("HOME") ?? "/root";
        var docker = Path.Combine(Of("DOCKER_CONFIG") ?? Path.Combine(home, ".docker"), "config.json");
        if (Of("REGISTRY_AUTH_FILE") is { } named)
        {
            yield return named;
            yield return docker;
            yield break;
        }

        yield return docker;
        var runtime = Of("XDG_RUNTIME_DIR") is { } given ? Path.Combine(given, "containers") : $"/run/containers/{ProcessIdentity.EffectiveUid}";
        yield return Path.Combine(runtime, "auth.json");
        yield return Path.Combine(Of("XDG_CONFIG_HOME") ?? Path.Combine(home, ".config"), "containers", "auth.json");

        string? Of(string name) => environment(name) is { Length: > 0 } value ? value : null;
    }
}
