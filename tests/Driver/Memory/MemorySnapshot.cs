using VirtioFsStore.Driver.Interop;

namespace VirtioFsStore.Driver.Memory;

/// <summary>
/// Guest memory at one moment, to find out later what a device wrote: whether anything outside of the buffers that were
/// posted changed, and which pages a dirty log must hold. Pages never touched cost nothing (holes of the memfd stay holes).
/// </summary>
public sealed unsafe class MemorySnapshot
{
    readonly GuestMemory _memory;
    readonly Dictionary<ulong, byte[]> _pages = [];

    public MemorySnapshot(GuestMemory memory)
    {
        _memory = memory;
        foreach (var page in DataPages())
            _pages[page] = _memory.Span(page, (int)GuestMemory.PageSize).ToArray();
    }

    /// <summary>Ranges that differ now, in order; neighbouring bytes are one range.</summary>
    public List<GuestSegment> Changes()
    {
        var changes = new List<GuestSegment>();
        var zeros = new byte[GuestMemory.PageSize];
        foreach (var page in DataPages())
            Compare(page, _pages.GetValueOrDefault(page, zeros), changes);
        return changes;
    }

    /// <summary>Addresses of the pages that differ now.</summary>
    public List<ulong> ChangedPages() =>
        [.. Changes().SelectMany(PagesOf).Distinct().Order()];

    /// <summary>Ranges that changed although none of <paramref name="allowed"/> covers them: must be empty.</summary>
    public List<GuestSegment> ChangesOutside(params ReadOnlySpan<GuestSegment> allowed)
    {
        var outside = new List<GuestSegment>();
        foreach (var change in Changes())
        {
            ulong? start = null;
            for (var address = change.Address; address < change.Address + change.Length; address++)
            {
                if (!IsIn(allowed, address))
                {
                    start ??= address;
                    continue;
                }
                Flush(ref start, address);
            }
            Flush(ref start, change.Address + change.Length);
        }
        return outside;

        void Flush(ref ulong? start, ulong end)
        {
            if (start is { } from)
                outside.Add(new GuestSegment(from, (uint)(end - from)));
            start = null;
        }
    }

    static bool IsIn(ReadOnlySpan<GuestSegment> segments, ulong address)
    {
        foreach (var segment in segments)
            if (address >= segment.Address && address - segment.Address < segment.Length)
                return true;
        return false;
    }

    static IEnumerable<ulong> PagesOf(GuestSegment segment)
    {
        for (var page = segment.Address & ~(GuestMemory.PageSize - 1); page < segment.Address + segment.Length; page += GuestMemory.PageSize)
            yield return page;
    }

    void Compare(ulong page, byte[] before, List<GuestSegment> changes)
    {
        var now = _memory.Span(page, before.Length);
        var index = 0;
        while (index < before.Length)
        {
            index += now[index..].CommonPrefixLength(before.AsSpan(index));
            var start = index;
            while (index < before.Length && now[index] != before[index])
                index++;
            if (index == start)
                continue;
            if (changes.Count > 0 && changes[^1].Address + changes[^1].Length == page + (ulong)start)
                changes[^1] = changes[^1] with { Length = changes[^1].Length + (uint)(index - start) };
            else
                changes.Add(new GuestSegment(page + (ulong)start, (uint)(index - start)));
        }
    }

    /// <summary>Pages that hold data in their memfd; a hole reads as zeros and cannot have changed.</summary>
    List<ulong> DataPages()
    {
        var pages = new List<ulong>();
        foreach (var region in _memory.Regions)
        {
            var end = (long)(region.FileOffset + region.Size);
            var offset = (long)region.FileOffset;
            while (offset < end)
            {
                var data = (long)Native.Seek(region.Fd, offset, Native.SEEK_DATA);
                if (data < 0 || data >= end)
                    break;
                var hole = Math.Min((long)Native.Seek(region.Fd, data, Native.SEEK_HOLE), end);
                for (var at = data & ~((long)GuestMemory.PageSize - 1); at < hole; at += (long)GuestMemory.PageSize)
                    pages.Add(region.GuestAddress + (ulong)at - region.FileOffset);
                offset = hole;
            }
        }
        pages.Sort();
        return pages;
    }
}
