namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>How registries are reached.</summary>
public sealed record RegistryOptions
{
    /// <summary>Credentials, in the form of Docker's config.json; null for that file, then podman's auth.json, where they usually lie.</summary>
    public string? ConfigFile { get; init; }

    /// <summary>The folder of HOST/hosts.toml files; null for /etc/containerd/certs.d, then /etc/docker/certs.d.</summary>
    public string? HostsFolder { get; init; }

    /// <summary>http instead of https, also where the host is not this machine.</summary>
    public bool PlainHttp { get; init; }
}
