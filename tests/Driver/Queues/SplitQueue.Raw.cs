namespace VirtioFsStore.Driver.Queues;

/// <summary>Writing the rings by hand, for a hostile guest: nothing here is checked or accounted for.</summary>
public sealed unsafe partial class SplitQueue
{
    public void WriteDescriptor(int index, in Descriptor descriptor) => _descriptors[index] = descriptor;

    public Descriptor ReadDescriptor(int index) => _descriptors[index];

    /// <summary>Puts any number where a head belongs.</summary>
    public void WriteAvailableEntry(ushort position, ushort head) => *(ushort*)(_available + 4 + position % Size * 2) = head;

    /// <summary>Sets the index that the device sees, and kicks. The driver's own count follows.</summary>
    public void WriteAvailableIndex(ushort index)
    {
        AvailableIndex = _publishedIndex = index;
        Publish();
        Kick.Signal();
    }

    /// <summary>Makes <paramref name="head"/> available and kicks, whatever it is.</summary>
    public void PostRaw(ushort head)
    {
        WriteAvailableEntry(AvailableIndex, head);
        WriteAvailableIndex((ushort)(AvailableIndex + 1));
    }

    /// <summary>Waits until the device's used index is <paramref name="index"/>.</summary>
    public bool WaitDeviceUsedIndex(ushort index, TimeSpan timeout)
    {
        var deadline = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        while (DeviceUsedIndex != index)
        {
            if (EventIndex)
                Volatile.Write(ref *(ushort*)(_available + 4 + Size * 2), DeviceUsedIndex);
            Interlocked.MemoryBarrier();
            if (DeviceUsedIndex == index)
                return true;
            var left = deadline - Environment.TickCount64;
            if (left <= 0 || !Call.Wait(TimeSpan.FromMilliseconds(left)))
                return DeviceUsedIndex == index;
        }
        return true;
    }

    /// <summary>A used entry as the device wrote it: the head and the length.</summary>
    public (uint Head, uint Length) ReadUsedEntry(ushort position)
    {
        var element = _used + 4 + position % Size * 8;
        return (*(uint*)element, *(uint*)(element + 4));
    }

    /// <summary>Takes the device's used index as seen, forgetting what was outstanding.</summary>
    public void SkipUsed()
    {
        UsedIndex = DeviceUsedIndex;
        Outstanding = 0;
    }
}
