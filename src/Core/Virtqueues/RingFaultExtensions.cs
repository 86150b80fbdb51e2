namespace VirtioFsStore.Core.Virtqueues;

static class RingFaultExtensions
{
    /// <summary>The fault in words, for the one line that is logged.</summary>
    public static string Describe(this RingFault fault) => fault switch
    {
        RingFault.AvailableIndex => "the available index is more than the queue's size ahead",
        RingFault.HeadIndex => "the available ring names a descriptor past the table's end",
        RingFault.NextIndex => "a descriptor's next is past the table's end",
        RingFault.ChainTooLong => "a descriptor chain is longer than the queue (or runs in a circle)",
        RingFault.IndirectNotNegotiated => "an indirect descriptor without the feature",
        RingFault.NestedIndirect => "an indirect descriptor inside an indirect table",
        RingFault.IndirectWithNext => "an indirect descriptor that also has a next",
        RingFault.IndirectLength => "an indirect table whose length is 0 or not a multiple of 16",
        RingFault.AddressWraps => "a descriptor's address and length wrap around",
        RingFault.OutsideMemory => "a descriptor points outside guest memory",
        RingFault.NotWritable => "a device-writable descriptor points into read-only memory",
        RingFault.ReadableAfterWritable => "a readable descriptor follows a writable one",
        RingFault.TooLarge => "a descriptor chain of 4 GiB or more",
        RingFault.TooManyInFlight => "more requests in flight than the queue has descriptors",
        RingFault.RingOutsideMemory => "the ring is no longer in guest memory",
        RingFault.InflightRecords => "the inflight records do not fit the ring",
        _ => "an error of this program",
    };
}
