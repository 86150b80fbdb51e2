namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>What came of waiting for pieces of one fetch.</summary>
enum FetchOutcome
{
    /// <summary>They are there, or were for a moment.</summary>
    Done,

    /// <summary>They are no longer of this fetch, or it ended for want of something that the next has: look again.</summary>
    Moved,

    /// <summary>Something came that was not what the index says.</summary>
    Mismatch,

    /// <summary>A guest has the pages mapped where something is absent.</summary>
    Pinned,

    /// <summary>The disk is full.</summary>
    NoSpace,

    /// <summary>The source or the disk failed.</summary>
    Failed,
}
