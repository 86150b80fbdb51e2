using VirtioFsStore.Backends.ObjectStore.Sources.Http;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>The hosts of a registry by the configuration of this machine: <c>HOST/hosts.toml</c>, else certificates beside where it would lie, else
/// the same of <c>_default</c>, else the registry itself.</summary>
static class RegistryHosts
{
    /// <param name="registry">Whose.</param>
    /// <param name="options">Where the configuration lies.</param>
    /// <param name="warned">See <see cref="HostsFile.Read"/>.</param>
    /// <exception cref="SourceException">The configuration cannot be read, or is not sound.</exception>
    public static List<RegistryHostOptions> Find(RegistryName registry, RegistryOptions options, Action<string>? warned = null)
    {
        string[] folders = options.HostsFolder is { } given ? [given] : ["/etc/containerd/certs.d", "/etc/docker/certs.d"];
        // Colons are no good in some places' paths; containerd writes them thus.
        string[] names = [registry.Host, registry.Host.Replace(':', '_') + "_", "_default"];
        foreach (var name in names)
        {
            foreach (var folder in folders.Select(folder => Path.Combine(folder, name)))
            {
                var file = Path.Combine(folder, "hosts.toml");
                if (File.Exists(file)) return HostsFile.Read(file, registry, options.PlainHttp, warned);
                if (Directory.Exists(folder)) return [Server(registry, options, Certificates(folder))];
            }
        }

        return [Server(registry, options, HttpTrust.System)];
    }

    static RegistryHostOptions Server(RegistryName registry, RegistryOptions options, HttpTrust trust) => new(
        RegistryAddress.Parse(registry.Server, false, options.PlainHttp) ?? throw new SourceException($"'{registry.Server}' is no registry"),
        RegistryCapabilities.All, trust, [], null);

    /// <summary>As Docker has it: authorities in *.crt, a client's certificate in X.cert with its key in X.key.</summary>
    static HttpTrust Certificates(string folder)
    {
        try
        {
            return new HttpTrust(
                [.. Directory.GetFiles(folder, "*.crt").Order()],
                [.. Directory.GetFiles(folder, "*.cert").Order().Select(file => (file, (string?)Path.ChangeExtension(file, ".key")))],
                false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SourceException($"cannot read {folder}: {e.Message}", e);
        }
    }
}
