namespace VirtioFsStore.Core.Virtqueues;

/// <summary>What a guest did to a queue that its driver never may. The queue stops; nothing else is hurt.</summary>
enum RingFault
{
    None,
    AvailableIndex,
    HeadIndex,
    NextIndex,
    ChainTooLong,
    IndirectNotNegotiated,
    NestedIndirect,
    IndirectWithNext,
    IndirectLength,
    AddressWraps,
    OutsideMemory,
    NotWritable,
    ReadableAfterWritable,
    TooLarge,
    TooManyInFlight,
    RingOutsideMemory,
    InflightRecords,
}
