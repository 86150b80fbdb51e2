namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>Walks the entries of a layer in the order of the tar stream; for use in <c>foreach</c>. What
/// <see cref="Current"/> points to is valid until the next <see cref="MoveNext"/>.</summary>
public sealed class LayerEntryCursor : IDisposable
{
    readonly SqliteStatement _rows;

    internal LayerEntryCursor(SqliteStatement rows) => _rows = rows;

    public LayerEntryCursor GetEnumerator() => this;

    /// <exception cref="Microsoft.Data.Sqlite.SqliteException">The index file is damaged.</exception>
    public bool MoveNext() => _rows.Step();

    public LayerEntry Current => new()
    {
        Id = _rows.Int64(0),
        Path = _rows.Blob(1),
        Type = (LayerEntryType)_rows.Int64(2),
        Mode = (uint)_rows.Int64(3),
        Uid = (uint)_rows.Int64(4),
        Gid = (uint)_rows.Int64(5),
        MtimeSeconds = _rows.Int64(6),
        MtimeNanoseconds = (uint)_rows.Int64(7),
        RdevMajor = (uint)_rows.Int64(8),
        RdevMinor = (uint)_rows.Int64(9),
        Size = _rows.Int64(10),
        Link = _rows.Blob(11),
        DataOffset = _rows.Int64(12),
        Allocated = _rows.Int64(13),
        FirstPiece = _rows.Int64(14),
        PieceCount = (int)_rows.Int64(15),
        Xattrs = new XattrList(_rows.Blob(16)),
        Sparse = new SparseMap(_rows.Blob(17)),
    };

    public void Dispose() => _rows.Dispose();
}
