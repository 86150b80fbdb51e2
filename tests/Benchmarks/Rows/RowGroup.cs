namespace VirtioFsStore.Benchmarks.Rows;

/// <summary>Rows that are measured alike.</summary>
enum RowGroup
{
    /// <summary>A directory, one queue, 32 requests outstanding.</summary>
    Depth32,

    /// <summary>A directory, one queue, a request at a time: the time of two wake-ups.</summary>
    Depth1,

    /// <summary>The same with daemon and driver on one core.</summary>
    Depth1OneCore,

    /// <summary>Ours with two queues against ours with one.</summary>
    TwoQueues,

    /// <summary>Our image against virtiofsd over the same tree unpacked.</summary>
    Image,
}
