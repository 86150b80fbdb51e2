namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>A manifest as a registry gave it.</summary>
/// <param name="MediaType">Of the answer, without parameters; null where it said none.</param>
/// <param name="Digest">Computed of the bytes.</param>
/// <param name="Bytes">As they came.</param>
public sealed record RegistryManifest(string? MediaType, Digest Digest, byte[] Bytes);
