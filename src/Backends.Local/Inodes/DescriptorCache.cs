using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Local.Inodes;

/// <summary>
/// The open O_PATH descriptors of inodes that also have a file handle, at most so many; the second-chance clock decides which
/// one goes. Descriptors that cannot be had again (pinned) count, but are never closed. Only opening a descriptor comes
/// here; using one that is open does not.
/// </summary>
sealed unsafe class DescriptorCache(InodeTable table, DescriptorBudget budget, int capacity)
{
    const int Empty = 0;

    readonly Lock _lock = new();
    int[] _clock = new int[Math.Min(capacity, 1024)];
    int[] _free = new int[64];
    int _freeCount;
    int _top;
    int _hand;
    int _occupied;
    int _pinned;

    public int Capacity => capacity;

    /// <summary>Descriptors open or reserved, pinned ones included.</summary>
    public int Count => Volatile.Read(ref _occupied) + Volatile.Read(ref _pinned);

    /// <summary>A place for a descriptor that is about to be opened; closes another one if it must.</summary>
    /// <returns>The position, or −ENFILE.</returns>
    public int Reserve()
    {
        int position, victim = -1;
        lock (_lock)
        {
            if (_occupied + _pinned < capacity && budget.TryTake())
            {
                position = _freeCount > 0 ? _free[--_freeCount] : Fresh();
                _occupied++;
            }
            else
            {
                position = Evict(out victim);
            }
        }
        if (victim >= 0)
            _ = Descriptors.Close(victim);
        return position;
    }

    /// <summary>
    /// Gives a slot that the caller uses the open descriptor of a reserved position. Under the lock: whoever sees the descriptor may
    /// pin it, which needs its position.
    /// </summary>
    /// <returns>False if the slot has a descriptor already; this one and its position stay the caller's.</returns>
    public bool Publish(InodeSlot* slot, int index, int fd, int position)
    {
        lock (_lock)
        {
            var word = Volatile.Read(ref slot->Word);
            while (InodeWord.Descriptor(word) < 0)
            {
                var seen = Interlocked.CompareExchange(ref slot->Word, word + (ulong)(fd + 1), word);
                if (seen != word)
                {
                    word = seen;
                    continue;
                }
                slot->CachePosition = position;
                _clock[position] = index;
                return true;
            }
            return false;
        }
    }

    /// <summary>
    /// A new slot, which the caller uses, was made with the open descriptor of a reserved position. Someone may have found and pinned
    /// it since: then the position is no longer its own.
    /// </summary>
    public void Commit(InodeSlot* slot, int index, int position)
    {
        lock (_lock)
        {
            if (!slot->Pinned)
                _clock[position] = index;
        }
    }

    /// <summary>The descriptor of this position is closed, or was never opened.</summary>
    public void Release(int position)
    {
        lock (_lock)
        {
            Vacate(position);
            _occupied--;
        }
        budget.Return();
    }

    /// <summary>The descriptor of a reserved position will stay open: it cannot be had again.</summary>
    public void ToPinned(int position)
    {
        lock (_lock)
        {
            Vacate(position);
            _occupied--;
            _pinned++;
        }
    }

    public void ReleasePinned()
    {
        lock (_lock)
            _pinned--;
        budget.Return();
    }

    /// <summary>Keeps the descriptor of a slot that the caller uses until the slot is retired.</summary>
    public void Pin(InodeSlot* slot)
    {
        lock (_lock)
        {
            if (slot->Pinned)
                return;
            slot->Pinned = true;
            Vacate(slot->CachePosition);
            _occupied--;
            _pinned++;
        }
    }

    /// <summary>Closes one descriptor that is not in use. The budget's unit is then the caller's.</summary>
    public bool TryEvict()
    {
        int victim;
        lock (_lock)
        {
            var position = Evict(out victim);
            if (position < 0)
                return false;
            Vacate(position);
            _occupied--;
        }
        _ = Descriptors.Close(victim);
        return true;
    }

    int Evict(out int victim)
    {
        victim = -1;
        if (_occupied == 0)
            return -(int)Errno.ENFILE;
        // Twice round: the first time may only clear the marks of recent use.
        for (var steps = 2 * _top; steps > 0; steps--)
        {
            var position = _hand;
            _hand = _hand + 1 < _top ? _hand + 1 : 0;
            var index = _clock[position];
            if (index == Empty)
                continue;
            var slot = table.Slot(index);
            if (slot->Pinned)
                continue;
            if (slot->Recent)
            {
                slot->Recent = false;
                continue;
            }
            var word = Volatile.Read(ref slot->Word);
            // A slot whose descriptor is gone is being retired by someone who will release this position.
            if ((word & InodeWord.UserMask) != 0 || (word & InodeWord.DescriptorMask) == 0
                || Interlocked.CompareExchange(ref slot->Word, word & ~InodeWord.DescriptorMask, word) != word)
            {
                continue;
            }
            _clock[position] = Empty;
            victim = InodeWord.Descriptor(word);
            return position;
        }
        return -(int)Errno.ENFILE;
    }

    int Fresh()
    {
        if (_top == _clock.Length)
            Array.Resize(ref _clock, Math.Min(capacity, _clock.Length * 2));
        return _top++;
    }

    void Vacate(int position)
    {
        _clock[position] = Empty;
        if (_freeCount == _free.Length)
            Array.Resize(ref _free, _free.Length * 2);
        _free[_freeCount++] = position;
    }
}
