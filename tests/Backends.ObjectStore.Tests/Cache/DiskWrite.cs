namespace VirtioFsStore.Backends.ObjectStore.Tests.Cache;

/// <summary>One thing that was done to a layer's files: bytes of one of them, or a sync.</summary>
sealed record DiskWrite(bool IsData, long Offset, byte[]? Bytes, bool Succeeded)
{
    public bool IsSync => Bytes is null;

    public static DiskWrite Data(long offset, byte[] bytes) => new(true, offset, bytes, true);

    public static DiskWrite State(long offset, byte[] bytes) => new(false, offset, bytes, true);

    public static DiskWrite SyncData(bool succeeded) => new(true, 0, null, succeeded);

    public static DiskWrite SyncState() => new(false, 0, null, true);
}
