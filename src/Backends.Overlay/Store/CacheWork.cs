namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>What a keeper is to do with the cache of its store.</summary>
/// <param name="Kind">Which of them.</param>
/// <param name="KeepBytes">Of <see cref="CacheWorkKind.Collect"/>: what the layers' content may take on the disk.</param>
public sealed record CacheWork(CacheWorkKind Kind, long KeepBytes = 0);
