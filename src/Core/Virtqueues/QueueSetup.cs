namespace VirtioFsStore.Core.Virtqueues;

/// <summary>What a queue is started with.</summary>
sealed record QueueSetup
{
    /// <summary>The queue's number in its device.</summary>
    public required int Index { get; init; }

    /// <summary>Entries: a power of two up to 32,768.</summary>
    public required ushort Size { get; init; }

    public required RingAddresses Addresses { get; init; }

    /// <summary>The available entry to go on with.</summary>
    public ushort Base { get; init; }

    /// <summary>VIRTIO_F_INDIRECT_DESC was negotiated.</summary>
    public bool Indirect { get; init; }

    /// <summary>VIRTIO_F_EVENT_IDX was negotiated.</summary>
    public bool EventIndex { get; init; }

    public InflightRecords? Inflight { get; init; }
}
