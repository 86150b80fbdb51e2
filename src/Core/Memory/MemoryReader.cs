namespace VirtioFsStore.Core.Memory;

/// <summary>
/// A queue thread's access to guest memory: between <see cref="Enter"/> and <see cref="Leave"/> nothing of the memory that
/// Enter answered is unmapped (a hazard pointer). Requests that outlive a batch pin their regions instead.
/// </summary>
sealed class MemoryReader(GuestMemoryTable table)
{
    GuestMemory? _inUse;

    public GuestMemory? InUse => Volatile.Read(ref _inUse);

    public GuestMemory Enter()
    {
        var memory = table.Current;
        while (true)
        {
            // A full fence: either the table's owner sees this mark, or the next line sees its newer table.
            Interlocked.Exchange(ref _inUse, memory);
            var current = table.Current;
            if (ReferenceEquals(current, memory))
                return memory;
            memory = current;
        }
    }

    public void Leave()
    {
        // A full fence: either the table's owner sees that this is free, or this thread sees that it waits.
        Interlocked.Exchange(ref _inUse, null);
        table.OnReleased();
    }

    /// <summary>After the last pin of a region was taken off.</summary>
    public void OnUnpinned() => table.OnReleased();
}
