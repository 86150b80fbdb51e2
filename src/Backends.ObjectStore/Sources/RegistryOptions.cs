namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>How registries are reached.</summary>
public sealed record RegistryOptions
{
    /// <summary>Docker's config.json; null for $DOCKER_CONFIG/config.json, else ~/.docker/config.json.</summary>
    public string? ConfigFile { get; init; }

    /// <summary>The folder of HOST/hosts.toml files; null for /etc/containerd/certs.d, then /etc/docker/certs.d.</summary>
    public string? HostsFolder { get; init; }

    /// <summary>http instead of https, also where the host is not this machine.</summary>
    public bool PlainHttp { get; init; }
}
