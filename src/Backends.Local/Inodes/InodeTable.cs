using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Inodes;

/// <summary>
/// The inodes that the guest knows. Slots lie in native memory in chunks that never move; a node id is a slot's index and
/// generation, so using an inode takes no lock and no hash. Hash chains (by mount and inode number) serve lookups only and
/// are split over <see cref="ShardCount"/> locks, so that queues do not meet.
/// </summary>
/// <remarks>
/// A slot lives while the guest holds lookups of it or an operation uses it. It is retired by whoever sees the last of
/// both go, under its shard's lock, where a lookup may have revived it first.
/// </remarks>
sealed unsafe partial class InodeTable : IDisposable
{
    public const int ShardCount = 64;

    /// <summary>The node id of the root is 1: index 1, generation 0.</summary>
    public const int RootIndex = 1;

    const int ChunkBits = 12;
    const int ChunkSize = 1 << ChunkBits;
    const int IndexBits = 24;
    const int MaxSlots = 1 << IndexBits;
    const uint GenerationMask = (1u << (44 - IndexBits)) - 1;

    readonly InodeSlot** _chunks;
    readonly InodeShard[] _shards = new InodeShard[ShardCount];
    readonly DescriptorCache _descriptors;
    readonly MountTable _mounts;
    int _next = RootIndex;

    public InodeTable(MountTable mounts, DescriptorBudget budget, int maxDescriptors)
    {
        _mounts = mounts;
        _chunks = (InodeSlot**)NativeMemory.AllocZeroed(MaxSlots / ChunkSize, (nuint)sizeof(InodeSlot*));
        for (var i = 0; i < ShardCount; i++)
            _shards[i] = new InodeShard();
        _descriptors = new DescriptorCache(this, budget, maxDescriptors);
    }

    ~InodeTable() => Free();

    public DescriptorCache Cache => _descriptors;

    /// <summary>Inodes that lookups find, the root included. For tests and metrics: takes each shard's lock in turn.</summary>
    public int Count
    {
        get
        {
            var count = 0;
            foreach (var shard in _shards)
            {
                lock (shard.Lock)
                    count += shard.Count;
            }
            return count;
        }
    }

    public static uint Hash(int mount, ulong ino)
    {
        var hash = (ino ^ ((ulong)mount << 48)) * 0x9E3779B97F4A7C15UL;
        return (uint)(hash >> 32);
    }

    public static NodeId NodeOf(InodeSlot* slot, int index) =>
        new(((ulong)(slot->Generation & GenerationMask) << IndexBits) | (uint)index);

    public InodeSlot* Slot(int index) => _chunks[index >> ChunkBits] + (index & (ChunkSize - 1));

    /// <summary>
    /// Pins an inode for an operation, and its descriptor, which is opened if need be. ESTALE for a node id that the guest was not
    /// given or has given back; ENFILE when no descriptor can be had.
    /// </summary>
    public InodeReference Acquire(NodeId node, bool needDescriptor = true)
    {
        var index = (int)(node.Value & (MaxSlots - 1));
        var generation = node.Value >> IndexBits;
        if (index < RootIndex || index >= Volatile.Read(ref _next) || Volatile.Read(ref ((nint*)_chunks)[index >> ChunkBits]) == 0)
            return new(Errno.ESTALE);
        var slot = Slot(index);
        var word = Volatile.Read(ref slot->Word);
        while (true)
        {
            if (InodeWord.Lookups(word) == 0 || (slot->Generation & GenerationMask) != generation)
                return new(Errno.ESTALE);
            var seen = Interlocked.CompareExchange(ref slot->Word, word + InodeWord.User, word);
            if (seen == word)
                break;
            word = seen;
        }
        // The slot may have passed to another file between the check and the pin; now it cannot any more.
        if ((Volatile.Read(ref slot->Generation) & GenerationMask) != generation)
        {
            Release(slot, index);
            return new(Errno.ESTALE);
        }
        var fd = InodeWord.Descriptor(word);
        if (!slot->Recent)
            slot->Recent = true;
        if (fd < 0 && needDescriptor)
        {
            fd = OpenDescriptor(slot, index);
            if (fd < 0)
            {
                Release(slot, index);
                return new(fd.ToErrno());
            }
        }
        return new(this, slot, index, fd);
    }

    public void Release(InodeSlot* slot, int index)
    {
        if (InodeWord.IsUnused(Interlocked.Add(ref slot->Word, unchecked(0 - InodeWord.User))))
            Retire(slot, index);
    }

    /// <summary>The guest gives back lookups; the root is not given back.</summary>
    public void Forget(NodeId node, ulong count)
    {
        if (node == NodeId.Root)
            return;
        using var inode = Acquire(node, needDescriptor: false);
        if (!inode.IsError)
            InodeWord.RemoveLookups(ref inode.Slot->Word, count);
    }

    /// <summary>Drops every lookup but the root's. No operation is running.</summary>
    public void Clear()
    {
        for (var index = RootIndex + 1; index < _next; index++)
        {
            var slot = Slot(index);
            if (!slot->Allocated)
                continue;
            Volatile.Write(ref slot->Word, slot->Word & InodeWord.DescriptorMask);
            Retire(slot, index);
        }
    }

    public void Dispose()
    {
        Clear();
        foreach (var shard in _shards)
            shard.Dispose();
        Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>Opens the descriptor of a slot that the caller uses. The descriptor, or −errno.</summary>
    int OpenDescriptor(InodeSlot* slot, int index)
    {
        var position = _descriptors.Reserve();
        if (position < 0)
            return position;
        FileHandle handle;
        slot->CopyHandle(&handle);
        var fd = FileHandles.Open(_mounts[slot->Mount].Fd, &handle, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW);
        if (fd > InodeWord.MaxDescriptor)
        {
            _ = Descriptors.Close(fd);
            fd = -(int)Errno.ENFILE;
        }
        if (fd < 0)
        {
            _descriptors.Release(position);
            return fd == -(int)Errno.EMFILE ? -(int)Errno.ENFILE : fd;
        }
        if (_descriptors.Publish(slot, index, fd, position))
            return fd;
        // Another queue was faster; our use of the slot keeps its descriptor open.
        _ = Descriptors.Close(fd);
        _descriptors.Release(position);
        return InodeWord.Descriptor(Volatile.Read(ref slot->Word));
    }

    void Retire(InodeSlot* slot, int index)
    {
        // The shard is the slot's for ever, so this may be read of a slot that has already been retired by another.
        var shard = _shards[slot->Shard];
        int mount, position, fd;
        bool pinned;
        lock (shard.Lock)
        {
            if (!slot->Allocated || !InodeWord.IsUnused(Volatile.Read(ref slot->Word)))
                return;
            shard.Unlink(this, slot, index);
            slot->Allocated = false;
            slot->Generation++;
            // The cache's hand may be about to close the descriptor: who swaps it out of the word owns it.
            fd = InodeWord.Descriptor(Interlocked.Exchange(ref slot->Word, 0));
            position = slot->CachePosition;
            pinned = slot->Pinned;
            mount = slot->Mount;
            slot->FreeHandle();
        }
        if (fd >= 0)
        {
            _ = Descriptors.Close(fd);
            if (pinned)
                _descriptors.ReleasePinned();
            else
                _descriptors.Release(position);
        }
        _mounts.Release(mount);
        lock (shard.Lock)
        {
            slot->Next = shard.Free;
            shard.Free = index;
        }
    }

    void Free()
    {
        for (var i = 0; i < MaxSlots / ChunkSize && _chunks[i] != null; i++)
        {
            NativeMemory.Free(_chunks[i]);
            _chunks[i] = null;
        }
        NativeMemory.Free(_chunks);
    }
}
