using System.Diagnostics.CodeAnalysis;

namespace VirtioFsStore.Core.Memory;

/// <summary>
/// The regions of a guest's memory at one moment, and the log of what is written there. Immutable: a change is a new object
/// (see <see cref="GuestMemoryTable"/>).
/// </summary>
sealed unsafe class GuestMemory
{
    readonly GuestRegion[] _regions;
    readonly ulong[] _starts;

    /// <param name="regions">Without overlaps, neither of guest nor of user addresses; ordered by guest address.</param>
    GuestMemory(GuestRegion[] regions, DirtyLog? log, bool logsWrites)
    {
        _regions = regions;
        _starts = Array.ConvertAll(regions, region => region.Info.GuestAddress);
        Log = log;
        LogsWrites = logsWrites;
    }

    public static GuestMemory Empty { get; } = new([], null, false);

    public ReadOnlySpan<GuestRegion> Regions => _regions;

    /// <summary>Where the used ring's writes are logged if its ring asks for that (VHOST_VRING_F_LOG).</summary>
    public DirtyLog? Log { get; }

    /// <summary>VHOST_F_LOG_ALL: what is written to requests' buffers is logged too.</summary>
    public bool LogsWrites { get; }

    /// <summary>A snapshot of <paramref name="regions"/>; false with <paramref name="error"/> in words if two of them overlap.</summary>
    public static bool TryCreate(
        IEnumerable<GuestRegion> regions, DirtyLog? log, bool logsWrites, [NotNullWhen(true)] out GuestMemory? memory, out string? error)
    {
        memory = null;
        error = null;
        var byUser = regions.OrderBy(region => region.Info.UserAddress).ToArray();
        for (var i = 1; i < byUser.Length; i++)
        {
            if (byUser[i - 1].Info is var before && before.UserAddress + before.Size > byUser[i].Info.UserAddress)
                error = $"regions at user addresses 0x{before.UserAddress:x} and 0x{byUser[i].Info.UserAddress:x} overlap";
        }
        var byGuest = byUser.OrderBy(region => region.Info.GuestAddress).ToArray();
        for (var i = 1; i < byGuest.Length; i++)
        {
            if (byGuest[i - 1].Info is var before && before.GuestAddress + before.Size > byGuest[i].Info.GuestAddress)
                error = $"regions at guest addresses 0x{before.GuestAddress:x} and 0x{byGuest[i].Info.GuestAddress:x} overlap";
        }
        if (error is null)
            memory = new GuestMemory(byGuest, log, logsWrites);
        return memory is not null;
    }

    /// <summary>The same regions under another log.</summary>
    public GuestMemory With(DirtyLog? log, bool logsWrites) => new(_regions, log, logsWrites);

    public bool HasSameRegionsAs(GuestMemory other) => ReferenceEquals(_regions, other._regions);

    public bool Contains(GuestRegion region) => Array.IndexOf(_regions, region) >= 0;

    /// <summary>
    /// Finds the region that holds <paramref name="address"/>. <paramref name="hint"/> is the caller's memory of the last
    /// place found: most addresses of a request lie in one region.
    /// </summary>
    public bool TryFind(ulong address, ref int hint, [NotNullWhen(true)] out GuestRegion? region)
    {
        var regions = _regions;
        if ((uint)hint < (uint)regions.Length && Holds(regions[hint], address))
        {
            region = regions[hint];
            return true;
        }
        var index = Array.BinarySearch(_starts, address);
        if (index < 0)
            index = ~index - 1;
        if (index >= 0 && Holds(regions[index], address))
        {
            hint = index;
            region = regions[index];
            return true;
        }
        region = null;
        return false;
    }

    /// <summary>A range in the VMM's address space (ring addresses), which must lie in one region. Null if it does not.</summary>
    public byte* TranslateUserAddress(ulong address, ulong length, bool forWriting)
    {
        foreach (var region in _regions)
        {
            var offset = address - region.Info.UserAddress;
            if (address >= region.Info.UserAddress && offset < region.Info.Size)
                return length <= region.Info.Size - offset && (region.IsWritable || !forWriting) && !region.IsOfWindow ? region.Host + offset : null;
        }
        return null;
    }

    static bool Holds(GuestRegion region, ulong address) => address - region.Info.GuestAddress < region.Info.Size;
}
