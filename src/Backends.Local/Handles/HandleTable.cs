using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Handles;

/// <summary>
/// The guest's open files. A slot's word holds its generation (upper half), whether the guest has it open (bit 31) and how
/// many operations use it: the descriptor is closed by whoever takes the last of both away, so a RELEASE never closes it under
/// a READ on another queue. No lock, and no allocation once a slot exists.
/// </summary>
sealed class HandleTable(DescriptorBudget budget)
{
    const int ChunkBits = 10;
    const int ChunkSize = 1 << ChunkBits;
    const int MaxSlots = 1 << 20;
    const ulong Open = 1UL << 31;
    const ulong Users = Open - 1;

    readonly HandleSlot[]?[] _chunks = new HandleSlot[MaxSlots / ChunkSize][];

    /// <summary>The free list: index + 1 in the lower half, a tag against ABA in the upper.</summary>
    ulong _free;

    int _next;
    int _count;

    /// <summary>Handles the guest holds.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Takes an open descriptor over, for which the caller took a unit of the budget. None if the table is full: the descriptor is then still the caller's.</summary>
    public HandleId Add(int fd, int flags, bool isDirectory)
    {
        var index = Pop();
        if (index < 0)
            return HandleId.None;
        ref var slot = ref _chunks[index >> ChunkBits]![index & (ChunkSize - 1)];
        slot.Fd = fd;
        slot.Flags = flags;
        slot.IsDirectory = isDirectory;
        if (isDirectory)
            (slot.Stream ??= new DirectoryStream()).Reset();
        var generation = (slot.Word >> 32) + 1;
        Volatile.Write(ref slot.Word, (generation << 32) | Open);
        Interlocked.Increment(ref _count);
        return new HandleId((generation << 32) | (uint)(index + 1));
    }

    public HandleReference Acquire(HandleId handle)
    {
        if (!TryFind(handle, out var index))
            return default;
        ref var slot = ref _chunks[index >> ChunkBits]![index & (ChunkSize - 1)];
        var word = Volatile.Read(ref slot.Word);
        while (true)
        {
            if ((word & ~Users) != ((handle.Value & ~0xFFFF_FFFFUL) | Open))
                return default;
            var seen = Interlocked.CompareExchange(ref slot.Word, word + 1, word);
            if (seen == word)
                return new HandleReference(this, ref slot, index);
            word = seen;
        }
    }

    /// <summary>The guest gives a handle back. False if it has no such handle.</summary>
    public bool Remove(HandleId handle)
    {
        if (!TryFind(handle, out var index))
            return false;
        ref var slot = ref _chunks[index >> ChunkBits]![index & (ChunkSize - 1)];
        var word = Volatile.Read(ref slot.Word);
        while (true)
        {
            if ((word & ~Users) != ((handle.Value & ~0xFFFF_FFFFUL) | Open))
                return false;
            var seen = Interlocked.CompareExchange(ref slot.Word, word & ~Open, word);
            if (seen == word)
                break;
            word = seen;
        }
        Interlocked.Decrement(ref _count);
        if ((word & Users) == 0)
            Finish(ref slot, index);
        return true;
    }

    public void Release(ref HandleSlot slot, int index)
    {
        if ((Interlocked.Decrement(ref slot.Word) & (Open | Users)) == 0)
            Finish(ref slot, index);
    }

    /// <summary>Closes everything. No operation is running.</summary>
    public void Clear()
    {
        for (var index = 0; index < Math.Min(_next, MaxSlots); index++)
        {
            ref var slot = ref _chunks[index >> ChunkBits]![index & (ChunkSize - 1)];
            if ((slot.Word & Open) != 0)
                Remove(new HandleId((slot.Word & ~0xFFFF_FFFFUL) | (uint)(index + 1)));
        }
    }

    bool TryFind(HandleId handle, out int index)
    {
        index = (int)(handle.Value & 0xFFFF_FFFF) - 1;
        return (uint)index < MaxSlots && Volatile.Read(ref _chunks[index >> ChunkBits]) is not null;
    }

    void Finish(ref HandleSlot slot, int index)
    {
        _ = Descriptors.Close(slot.Fd);
        slot.Fd = -1;
        if (slot.IsDirectory)
            slot.Stream!.Free();
        budget.Return();
        Push(ref slot, index);
    }

    void Push(ref HandleSlot slot, int index)
    {
        var head = Volatile.Read(ref _free);
        while (true)
        {
            slot.NextFree = (int)(uint)head;
            var seen = Interlocked.CompareExchange(ref _free, ((head >> 32) + 1) << 32 | (uint)(index + 1), head);
            if (seen == head)
                return;
            head = seen;
        }
    }

    int Pop()
    {
        var head = Volatile.Read(ref _free);
        while ((uint)head != 0)
        {
            var index = (int)(uint)head - 1;
            var next = (uint)_chunks[index >> ChunkBits]![index & (ChunkSize - 1)].NextFree;
            var seen = Interlocked.CompareExchange(ref _free, ((head >> 32) + 1) << 32 | next, head);
            if (seen == head)
                return index;
            head = seen;
        }
        var fresh = Interlocked.Increment(ref _next) - 1;
        if (fresh >= MaxSlots)
        {
            Interlocked.Decrement(ref _next);
            return -1;
        }
        ref var chunk = ref _chunks[fresh >> ChunkBits];
        if (Volatile.Read(ref chunk) is null)
            Interlocked.CompareExchange(ref chunk, new HandleSlot[ChunkSize], null);
        return fresh;
    }
}
