namespace VirtioFsStore.Benchmarks.Lazy;

/// <summary>What is done with an image, in this order.</summary>
enum LazyStage
{
    /// <summary>skopeo copies the whole image into a layout.</summary>
    Pull,

    /// <summary>umoci makes a directory of it.</summary>
    Unpack,

    /// <summary>A guest starts from that directory.</summary>
    Unpacked,

    /// <summary>A guest starts from the image, with an empty store; the image has no indexes.</summary>
    FirstUnindexed,

    /// <summary>The same, and the image's manifest names indexes.</summary>
    FirstIndexed,

    /// <summary>Once more, with the store that <see cref="FirstIndexed"/> left.</summary>
    Warm,

    /// <summary>Each file of the indexed image is read once through a mount of the host's, with an empty store.</summary>
    ReadAll,
}
