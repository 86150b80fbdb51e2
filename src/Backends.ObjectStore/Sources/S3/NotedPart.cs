namespace VirtioFsStore.Backends.ObjectStore.Sources.S3;

/// <summary>A part that the service has.</summary>
/// <param name="Hash">SHA-256 of its bytes, hexadecimal.</param>
/// <param name="ETag">What the service calls it.</param>
readonly record struct NotedPart(string Hash, string ETag);
