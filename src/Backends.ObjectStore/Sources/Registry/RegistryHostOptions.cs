using VirtioFsStore.Backends.ObjectStore.Sources.Http;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>One host that a registry's repositories can be had from: itself, or a mirror.</summary>
/// <param name="Base">Of the API: ends with <c>/v2/</c>, or with whatever the configuration says, and a slash.</param>
/// <param name="Capabilities">What it is asked for.</param>
/// <param name="Trust">How TLS is spoken to it.</param>
/// <param name="Headers">To be sent with each request.</param>
/// <param name="MirrorOf">The registry it stands for, which it is told; null where it is that one.</param>
sealed record RegistryHostOptions(
    Uri Base, RegistryCapabilities Capabilities, HttpTrust Trust, IReadOnlyList<(string Name, string Value)> Headers, string? MirrorOf);
