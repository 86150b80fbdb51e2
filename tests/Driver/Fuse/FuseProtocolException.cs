namespace VirtioFsStore.Driver.Fuse;

/// <summary>A reply that a kernel would not accept.</summary>
public sealed class FuseProtocolException(string message) : Exception(message);
