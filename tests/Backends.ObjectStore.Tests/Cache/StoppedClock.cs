namespace VirtioFsStore.Backends.ObjectStore.Tests.Cache;

sealed class StoppedClock : TimeProvider
{
    public long Minute { get; set; }

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeSeconds(Minute * 60);
}
