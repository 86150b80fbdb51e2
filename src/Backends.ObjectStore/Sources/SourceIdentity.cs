namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>What names the bytes of a source: a digest (to be verified by who reads) or the ETag that a server gave.</summary>
public readonly record struct SourceIdentity(Digest? Digest, string? ETag);
