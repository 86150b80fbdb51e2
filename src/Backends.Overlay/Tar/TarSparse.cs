namespace VirtioFsStore.Backends.Overlay.Tar;

/// <summary>Sparse maps of all dialects, checked (GNU tar manual, "Storing Sparse Files").</summary>
static class TarSparse
{
    /// <summary>Memory for a map is bounded; ext4 cannot split a gigabyte into more extents than this.</summary>
    public const int MaxExtents = 1 << 18;

    /// <summary>Room for the text of a map of format 1.0 with that many extents.</summary>
    public const int MaxMapText = MaxExtents * 2 * 16;

    public static TarException TooMany() => new($"a sparse map has more than {MaxExtents} entries");

    /// <summary>Merges runs that touch and drops empty ones.</summary>
    /// <param name="map">As it is written.</param>
    /// <param name="size">The file's logical size.</param>
    /// <param name="stored">Bytes of data in the stream.</param>
    /// <returns>Null if the file has no holes.</returns>
    /// <exception cref="TarException">The map is not ascending, leaves the file, or does not fit the data.</exception>
    public static List<TarExtent>? Check(List<TarExtent> map, long size, long stored)
    {
        var checkedMap = new List<TarExtent>(map.Count);
        long end = 0, total = 0;
        foreach (var (offset, length) in map)
        {
            if (offset < end || length < 0 || offset > size || length > size - offset)
                throw new TarException($"a sparse map is impossible: {length} bytes at {offset} in a file of {size} bytes, after byte {end}");
            end = offset + length;
            total += length;
            if (length == 0) continue;
            if (checkedMap.Count > 0 && checkedMap[^1] is var last && last.Offset + last.Length == offset)
                checkedMap[^1] = new TarExtent(last.Offset, last.Length + length);
            else
                checkedMap.Add(new TarExtent(offset, length));
        }

        if (total != stored) throw new TarException($"a sparse map holds {total} bytes, but the member has {stored}");
        var whole = size == 0 || (checkedMap.Count == 1 && checkedMap[0] == new TarExtent(0, size));
        return whole ? null : checkedMap;
    }

    /// <summary>Reads pairs of 12-byte numbers as old GNU headers have them, up to the first that is empty.</summary>
    public static void ReadOld(ReadOnlySpan<byte> pairs, List<TarExtent> map)
    {
        for (; pairs.Length >= 24; pairs = pairs[24..])
        {
            if (pairs[0] == 0) return;
            if (!TarField.TryNumber(pairs[..12], out var offset) || !TarField.TryNumber(pairs.Slice(12, 12), out var length))
                throw new TarException("a sparse map has a number that is none");
            if (map.Count == MaxExtents) throw TooMany();
            map.Add(new TarExtent(offset, length));
        }
    }
}
