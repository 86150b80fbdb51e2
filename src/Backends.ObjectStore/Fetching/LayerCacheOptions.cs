namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>How much is fetched at a time. Sizes are of compressed bytes.</summary>
public sealed record LayerCacheOptions
{
    /// <summary>What is read ahead when a third miss follows the second as that followed the first: one span or two.</summary>
    public long FirstWindow { get; init; } = 512 << 10;

    /// <summary>What readahead grows to: enough for a GB/s at a round trip of 20 ms.</summary>
    public long MaxWindow { get; init; } = 16 << 20;

    /// <summary>How far ahead a miss may lie in what is already being fetched to wait for it; beyond that it gets a request of its own.</summary>
    public long MaxWait { get; init; } = 2 << 20;

    /// <summary>What may be fetched once more to make one request out of two: it costs less than a round trip.</summary>
    public long MaxGap { get; init; } = 64 << 10;

    /// <summary>Which share of a layer is read before the rest is sent for as well; above 1 for never.</summary>
    public double RestAfter { get; init; } = 0.5;

    /// <summary>Fetches of a layer at a time; each holds buffers of half a MiB and a decompressor, whose window is 8 MiB at most where it takes no <see cref="Memory"/>.</summary>
    public int MaxFetches { get; init; } = 6;

    /// <summary>How many of them may be for what nobody waits for.</summary>
    public int MaxReadaheads { get; init; } = 3;

    /// <summary>What a fetch holds in memory beyond the usual comes out of this; shared by all layers of a keeper.</summary>
    public FetchMemory Memory { get; init; } = new();

    /// <summary>When nothing was fetched for so long, what came is synced: an end then finds little to do, and a power cut leaves little in doubt.</summary>
    public TimeSpan IdleTime { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>For <see cref="IdleTime"/>.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Called when the disk is full and someone waits: makes room for at least so many bytes, or answers false.</summary>
    public Func<long, ValueTask<bool>>? MakeRoom { get; init; }
}
