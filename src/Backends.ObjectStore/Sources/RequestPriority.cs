namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>Who waits for a request: where the requests in flight are bounded, it decides who goes first.</summary>
public enum RequestPriority
{
    /// <summary>A guest or a person waits for these bytes.</summary>
    Demand,

    /// <summary>Nobody waits yet: readahead, and long streams that fill a cache. Never takes the last places.</summary>
    Readahead,
}
