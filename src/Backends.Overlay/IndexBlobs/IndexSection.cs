namespace VirtioFsStore.Backends.Overlay.IndexBlobs;

/// <summary>The parts of an index blob, a zstd frame each, in their order.</summary>
enum IndexSection
{
    /// <summary>Where each span begins and ends, without its window.</summary>
    Spans,

    /// <summary>Groups of entries, by columns.</summary>
    Entries,

    /// <summary>The SHA-256 of each piece, 32 bytes, in order.</summary>
    Hashes,

    /// <summary>The windows of all spans, one after another: they are alike, and take half the room together.</summary>
    Windows,
}
