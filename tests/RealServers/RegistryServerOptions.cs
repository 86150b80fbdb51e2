namespace VirtioFsStore.RealServers;

/// <summary>How a <see cref="RegistryServer"/> is set up.</summary>
public sealed record RegistryServerOptions
{
    /// <summary>Only <see cref="RegistryServer.User"/> with its password gets in, by basic authentication.</summary>
    public bool Authentication { get; init; }

    /// <summary>https with a certificate of a CA that nobody knows but who reads <see cref="RegistryServer.CaFile"/>.</summary>
    public bool Tls { get; init; }

    /// <summary>Manifests can be deleted.</summary>
    public bool Deletion { get; init; } = true;
}
