using System.Runtime.InteropServices;
using VirtioFsStore.Core.Memory;

namespace VirtioFsStore.Core.Virtqueues;

/// <summary>
/// Turns a descriptor chain into a request's scatter lists (virtio 1.3, 2.7.4 and 2.7.5). Each descriptor is copied once and
/// only the copy is used; an indirect table is copied as a whole.
/// </summary>
sealed unsafe class ChainReader(ushort queueSize, bool indirectAllowed) : IDisposable
{
    Descriptor* _table = (Descriptor*)NativeMemory.Alloc(queueSize, (nuint)sizeof(Descriptor));
    int _regionHint;

    ~ChainReader() => Free();

    /// <summary>Fills <paramref name="request"/>; on a fault it holds a part and must not be handled.</summary>
    public RingFault Read(GuestMemory memory, SplitRing ring, ushort head, QueuedRequest request)
    {
        request.Begin(head);
        var total = 0UL;
        var writableSeen = false;
        var indirect = false;
        var tableLength = (int)queueSize;
        var count = 0;
        var index = (int)head;
        while (true)
        {
            if (count++ == queueSize)
                return RingFault.ChainTooLong;
            Descriptor descriptor;
            if (indirect)
                descriptor = _table[index];
            else
                ring.ReadDescriptor(index, out descriptor);
            if (descriptor.IsIndirect)
            {
                var fault = CheckIndirect(descriptor, indirect);
                if (fault == RingFault.None)
                    fault = CopyTable(memory, descriptor);
                if (fault != RingFault.None)
                    return fault;
                indirect = true;
                tableLength = (int)(descriptor.Length / (uint)sizeof(Descriptor));
                index = 0;
                count--;
                continue;
            }
            if (writableSeen && !descriptor.IsWritable)
                return RingFault.ReadableAfterWritable;
            writableSeen = descriptor.IsWritable;
            total += descriptor.Length;
            if (total > uint.MaxValue)
                return RingFault.TooLarge;
            var added = Add(memory, descriptor, request);
            if (added != RingFault.None)
                return added;
            if (!descriptor.HasNext)
                return RingFault.None;
            index = descriptor.Next;
            if (index >= tableLength)
                return RingFault.NextIndex;
        }
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    RingFault CheckIndirect(in Descriptor descriptor, bool nested)
    {
        if (!indirectAllowed)
            return RingFault.IndirectNotNegotiated;
        if (nested)
            return RingFault.NestedIndirect;
        if (descriptor.HasNext)
            return RingFault.IndirectWithNext;
        if (descriptor.Length == 0 || descriptor.Length % (uint)sizeof(Descriptor) != 0)
            return RingFault.IndirectLength;
        // A chain may not be longer than the queue, wherever it lies (virtio 1.3, 2.7.5.3.1).
        return descriptor.Length / (uint)sizeof(Descriptor) > queueSize ? RingFault.ChainTooLong : RingFault.None;
    }

    RingFault CopyTable(GuestMemory memory, in Descriptor descriptor)
    {
        if (descriptor.Address + descriptor.Length < descriptor.Address)
            return RingFault.AddressWraps;
        var done = 0u;
        while (done < descriptor.Length)
        {
            if (!memory.TryFind(descriptor.Address + done, ref _regionHint, out var region) || region.IsOfWindow)
                return RingFault.OutsideMemory;
            var offset = descriptor.Address + done - region.Info.GuestAddress;
            var part = (uint)Math.Min(descriptor.Length - done, region.Info.Size - offset);
            Buffer.MemoryCopy(region.Host + offset, (byte*)_table + done, part, part);
            done += part;
        }
        return RingFault.None;
    }

    RingFault Add(GuestMemory memory, in Descriptor descriptor, QueuedRequest request)
    {
        if (descriptor.Address + descriptor.Length < descriptor.Address)
            return RingFault.AddressWraps;
        var address = descriptor.Address;
        var left = descriptor.Length;
        while (left > 0)
        {
            if (!memory.TryFind(address, ref _regionHint, out var region))
                return RingFault.OutsideMemory;
            var offset = address - region.Info.GuestAddress;
            var part = (uint)Math.Min(left, region.Info.Size - offset);
            if (!descriptor.IsWritable)
                request.AddReadable(region, offset, part);
            else if (region.IsWritable)
                request.AddWritable(region, offset, part);
            else
                return RingFault.NotWritable;
            address += part;
            left -= part;
        }
        return RingFault.None;
    }

    void Free()
    {
        NativeMemory.Free(_table);
        _table = null;
    }
}
