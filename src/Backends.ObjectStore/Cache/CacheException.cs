namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>A layer's files in the cache cannot be used. The message is one line for the person.</summary>
public sealed class CacheException(string message) : IOException(message);
