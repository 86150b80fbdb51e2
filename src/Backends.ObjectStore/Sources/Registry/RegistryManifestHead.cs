namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>What a registry says of a manifest; nothing of it is verified.</summary>
/// <param name="MediaType">Null where it said none.</param>
/// <param name="Digest">Of the manifest.</param>
/// <param name="Size">In bytes.</param>
public sealed record RegistryManifestHead(string? MediaType, Digest Digest, long Size);
