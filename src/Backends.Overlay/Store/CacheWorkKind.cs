namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>What can be done with a cache. The numbers go to keepers of other processes.</summary>
public enum CacheWorkKind
{
    /// <summary>Tell what is there.</summary>
    Count = 1,

    /// <summary>Read all that is there and drop what is damaged, so that it is fetched again.</summary>
    Verify = 2,

    /// <summary>Evict what was used longest ago.</summary>
    Collect = 3,
}
