namespace VirtioFsStore.Backends.Local.Inodes;

/// <summary>
/// The atomic word of an inode slot: its descriptor plus one (20 bits; 0: not open), the operations that use it now
/// (12 bits), and the lookups the guest holds (32 bits). One word, so that an operation pins inode and descriptor with one
/// compare-and-swap, and the descriptor can be closed only while nobody uses it.
/// </summary>
static class InodeWord
{
    public const ulong DescriptorMask = (1UL << 20) - 1;
    public const int MaxDescriptor = (1 << 20) - 2;
    public const ulong User = 1UL << 20;
    public const ulong UserMask = 0xFFFUL << 20;
    public const ulong Lookup = 1UL << 32;

    /// <summary>A count that reaches this stays: the slot then lives until the session ends, instead of wrapping.</summary>
    public const uint Saturated = uint.MaxValue;

    public static int Descriptor(ulong word) => (int)(word & DescriptorMask) - 1;

    public static uint Lookups(ulong word) => (uint)(word >> 32);

    /// <summary>Neither the guest nor an operation holds the slot.</summary>
    public static bool IsUnused(ulong word) => (word & ~DescriptorMask) == 0;

    public static void AddLookup(ref ulong word)
    {
        var seen = Volatile.Read(ref word);
        while (Lookups(seen) != Saturated)
        {
            var before = Interlocked.CompareExchange(ref word, seen + Lookup, seen);
            if (before == seen)
                return;
            seen = before;
        }
    }

    /// <summary>Takes at most the lookups there are.</summary>
    public static void RemoveLookups(ref ulong word, ulong count)
    {
        var seen = Volatile.Read(ref word);
        while (Lookups(seen) != Saturated)
        {
            var removed = Math.Min(count, Lookups(seen));
            var before = Interlocked.CompareExchange(ref word, seen - (removed << 32), seen);
            if (before == seen)
                return;
            seen = before;
        }
    }
}
