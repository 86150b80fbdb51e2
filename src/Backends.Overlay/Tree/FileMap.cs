namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>Where a file has data and where its pieces begin, relative to the file's start, both ascending. Read from a mapping that may
/// be damaged: nothing but the lengths of the spans is certain.</summary>
readonly ref struct FileMap
{
    readonly ReadOnlySpan<ulong> _extents;
    readonly ReadOnlySpan<ulong> _pieces;

    public FileMap(ReadOnlySpan<ulong> extents, ReadOnlySpan<ulong> pieces)
    {
        _extents = extents;
        _pieces = pieces;
    }

    /// <summary>No holes, at most one piece.</summary>
    public static FileMap None => default;

    public int ExtentCount => _extents.Length / 2;

    public ulong StartOf(int extent) => _extents[2 * extent];

    public ulong LengthOf(int extent) => _extents[(2 * extent) + 1];

    public int PieceCount => _pieces.Length;

    /// <summary>The last piece that begins at or before <paramref name="offset"/>; the first if none does.</summary>
    public int PieceAt(ulong offset)
    {
        int low = 0, high = _pieces.Length;
        while (high - low > 1)
        {
            var middle = (low + high) >>> 1;
            if (_pieces[middle] <= offset)
                low = middle;
            else
                high = middle;
        }

        return low;
    }

    /// <summary>The first extent that ends after <paramref name="offset"/>, or <see cref="ExtentCount"/>.</summary>
    public int ExtentAfter(ulong offset)
    {
        int low = 0, high = ExtentCount;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (StartOf(middle) + LengthOf(middle) <= offset)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }
}
