using System.Runtime.InteropServices;

namespace VirtioFsStore.Backends.Local.Inodes;

/// <summary>A part of the inode table with a lock of its own: hash chains, and the free slots that belong to it.</summary>
sealed unsafe class InodeShard : IDisposable
{
    const int InitialBuckets = 64;

    int* _buckets = (int*)NativeMemory.AllocZeroed(InitialBuckets, sizeof(int));
    int _mask = InitialBuckets - 1;

    ~InodeShard() => NativeMemory.Free(_buckets);

    public Lock Lock { get; } = new();

    /// <summary>Slots in the chains.</summary>
    public int Count { get; private set; }

    /// <summary>Head of the free list; 0: none.</summary>
    public int Free { get; set; }

    public ref int Bucket(uint hash) => ref _buckets[hash & (uint)_mask];

    public void Link(InodeTable table, InodeSlot* slot, int index, uint hash)
    {
        if (Count > _mask)
            Grow(table);
        ref var bucket = ref Bucket(hash);
        slot->Next = bucket;
        slot->InTable = true;
        bucket = index;
        Count++;
    }

    public void Unlink(InodeTable table, InodeSlot* slot, int index)
    {
        if (!slot->InTable)
            return;
        ref var link = ref Bucket(InodeTable.Hash(slot->Mount, slot->Ino));
        while (link != index)
            link = ref table.Slot(link)->Next;
        link = slot->Next;
        slot->InTable = false;
        Count--;
    }

    public void Dispose()
    {
        NativeMemory.Free(_buckets);
        _buckets = null;
        GC.SuppressFinalize(this);
    }

    void Grow(InodeTable table)
    {
        var old = _buckets;
        var oldCount = _mask + 1;
        _mask = oldCount * 2 - 1;
        _buckets = (int*)NativeMemory.AllocZeroed((nuint)oldCount * 2, sizeof(int));
        for (var i = 0; i < oldCount; i++)
        {
            for (int index = old[i], next; index != 0; index = next)
            {
                var slot = table.Slot(index);
                next = slot->Next;
                ref var bucket = ref Bucket(InodeTable.Hash(slot->Mount, slot->Ino));
                slot->Next = bucket;
                bucket = index;
            }
        }
        NativeMemory.Free(old);
    }
}
