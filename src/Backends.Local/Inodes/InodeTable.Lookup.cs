using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Local.Inodes;

partial class InodeTable
{
    const int ShardShift = 26;

    /// <summary>
    /// Finds the slot of a file by its inode number and counts a lookup. An open descriptor keeps the number from being
    /// recycled, so such a slot is certain; for others the name's handle (asked for only then) must equal the slot's.
    /// </summary>
    /// <returns>False if the guest does not know the file yet, or the number has passed to another file.</returns>
    public unsafe bool TryLookup(int mount, ulong ino, long birth, int directory, byte* name, out InodeMatch match)
    {
        InodeSlot* slot;
        int index;
        var hash = Hash(mount, ino);
        var shard = _shards[hash >> ShardShift];
        lock (shard.Lock)
        {
            slot = Find(shard, mount, ino, birth, hash, out index);
            if (slot == null)
            {
                match = default;
                return false;
            }
            match = MatchOf(slot, index);
            if (TryAddCertainLookup(slot))
                return true;
            Interlocked.Add(ref slot->Word, InodeWord.User);
        }
        FileHandle handle;
        var same = FileHandles.Get(directory, name, &handle, 0) == 0 && slot->HandleEquals(&handle);
        if (same)
            InodeWord.AddLookup(ref slot->Word);
        Release(slot, index);
        return same;
    }

    /// <summary>Pins the slot and descriptor of a file that the guest may know, without counting a lookup; ENOENT if it does not.</summary>
    public unsafe InodeReference AcquireKnown(int mount, ulong ino, long birth)
    {
        InodeSlot* slot;
        int index;
        var hash = Hash(mount, ino);
        var shard = _shards[hash >> ShardShift];
        lock (shard.Lock)
        {
            slot = Find(shard, mount, ino, birth, hash, out index);
            if (slot == null)
                return new(Errno.ENOENT);
            Interlocked.Add(ref slot->Word, InodeWord.User);
        }
        var fd = InodeWord.Descriptor(Volatile.Read(ref slot->Word));
        if (fd < 0)
            fd = OpenDescriptor(slot, index);
        if (fd >= 0)
            return new(this, slot, index, fd);
        Release(slot, index);
        return new(fd.ToErrno());
    }

    /// <summary>
    /// Counts a lookup of a file that was not found: in a new slot, unless another queue has made one meanwhile. Takes over
    /// the descriptor, its reservation and the mount reference, whatever it answers.
    /// </summary>
    public unsafe Errno Insert(in NewInode inode, out InodeMatch match)
    {
        var hash = Hash(inode.Mount, inode.Ino);
        var shardIndex = hash >> ShardShift;
        var shard = _shards[shardIndex];
        InodeSlot* slot;
        int index;
        var isNew = false;
        lock (shard.Lock)
        {
            slot = Find(shard, inode.Mount, inode.Ino, inode.Birth, hash, out index);
            if (slot != null && inode.Handle != null && slot->HandleLength != 0 && !slot->HandleEquals(inode.Handle))
            {
                // The number has passed to a new file; the old one's slot lives on for as long as the guest holds it.
                shard.Unlink(this, slot, index);
                slot = null;
            }
            if (slot != null)
            {
                Interlocked.Add(ref slot->Word, InodeWord.User);
            }
            else if ((index = Allocate(shard, (byte)shardIndex)) > 0)
            {
                slot = Slot(index);
                Fill(slot, inode);
                shard.Link(this, slot, index, hash);
                isNew = true;
            }
        }
        if (isNew && inode.CachePosition >= 0)
            _descriptors.Commit(slot, index, inode.CachePosition);
        if (!isNew)
            Discard(inode);
        if (slot == null)
        {
            match = default;
            return Errno.ENFILE;
        }
        if (!isNew)
            InodeWord.AddLookup(ref slot->Word);
        match = MatchOf(slot, index);
        Release(slot, index);
        return Errno.None;
    }

    /// <summary>Makes the slot of the share's root, whose descriptor the caller keeps.</summary>
    public unsafe void InsertRoot(in NewInode inode)
    {
        var hash = Hash(inode.Mount, inode.Ino);
        var shardIndex = hash >> ShardShift;
        var shard = _shards[shardIndex];
        lock (shard.Lock)
        {
            var index = Allocate(shard, (byte)shardIndex);
            Fill(Slot(index), inode);
            shard.Link(this, Slot(index), index, hash);
            Slot(index)->Word -= InodeWord.User;
        }
    }

    /// <summary>Gives back what came with an inode that got no slot.</summary>
    public unsafe void Discard(in NewInode inode)
    {
        if (inode.Fd >= 0)
        {
            _ = Descriptors.Close(inode.Fd);
            if (inode.CachePosition >= 0)
                _descriptors.Release(inode.CachePosition);
            else
                _descriptors.ReleasePinned();
        }
        _mounts.Release(inode.Mount);
    }

    static unsafe InodeMatch MatchOf(InodeSlot* slot, int index) => new()
    {
        Node = NodeOf(slot, index),
        Generation = slot->Generation >> (44 - IndexBits),
        IsMountRoot = slot->IsMountRoot,
    };

    static unsafe bool TryAddCertainLookup(InodeSlot* slot)
    {
        var word = Volatile.Read(ref slot->Word);
        while (InodeWord.Descriptor(word) >= 0 && InodeWord.Lookups(word) != InodeWord.Saturated)
        {
            var seen = Interlocked.CompareExchange(ref slot->Word, word + InodeWord.Lookup, word);
            if (seen == word)
            {
                slot->Recent = true;
                return true;
            }
            word = seen;
        }
        return false;
    }

    static unsafe void Fill(InodeSlot* slot, in NewInode inode)
    {
        slot->Ino = inode.Ino;
        slot->Birth = inode.Birth;
        slot->Mount = inode.Mount;
        slot->Type = inode.Type;
        slot->IsMountRoot = inode.IsMountRoot;
        slot->CachePosition = inode.CachePosition;
        slot->Pinned = inode.Fd >= 0 && inode.CachePosition < 0;
        slot->Recent = true;
        slot->HandleLength = 0;
        if (inode.Handle != null)
            slot->SetHandle(inode.Handle);
        slot->Allocated = true;
        Volatile.Write(ref slot->Word, InodeWord.Lookup | InodeWord.User | (uint)(inode.Fd + 1));
    }

    /// <summary>The slot in the table for a file, under the shard's lock. One whose birth time differs is of a file that is gone: it leaves the table.</summary>
    unsafe InodeSlot* Find(InodeShard shard, int mount, ulong ino, long birth, uint hash, out int index)
    {
        for (index = shard.Bucket(hash); index != 0;)
        {
            var slot = Slot(index);
            if (slot->Ino != ino || slot->Mount != mount)
            {
                index = slot->Next;
                continue;
            }
            if (slot->Birth == birth || birth == 0 || slot->Birth == 0)
                return slot;
            var next = slot->Next;
            shard.Unlink(this, slot, index);
            index = next;
        }
        return null;
    }

    /// <summary>A free slot of the shard, whose lock is held; 0 if there is none.</summary>
    unsafe int Allocate(InodeShard shard, byte shardIndex)
    {
        var index = shard.Free;
        if (index != 0)
        {
            shard.Free = Slot(index)->Next;
            return index;
        }
        index = Interlocked.Increment(ref _next) - 1;
        if (index >= MaxSlots)
        {
            Interlocked.Decrement(ref _next);
            return 0;
        }
        ref var chunk = ref ((nint*)_chunks)[index >> ChunkBits];
        if (Volatile.Read(ref chunk) == 0)
        {
            var made = (nint)NativeMemory.AllocZeroed(ChunkSize, (nuint)sizeof(InodeSlot));
            if (Interlocked.CompareExchange(ref chunk, made, 0) != 0)
                NativeMemory.Free((void*)made);
        }
        Slot(index)->Shard = shardIndex;
        return index;
    }
}
