namespace VirtioFsStore.Daemon.Tests.Lazy;

public enum PlaceKind
{
    /// <summary>radosgw.</summary>
    Bucket,

    /// <summary>docker-registry.</summary>
    Registry,
}
