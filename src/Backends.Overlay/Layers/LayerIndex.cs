using Microsoft.Data.Sqlite;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>A finished layer index, opened read-only. One thread at a time.</summary>
public sealed class LayerIndex : IPieceMap
{
    const string EntryColumns =
        "id, path, type, mode, uid, gid, mtime, mtime_ns, rdev_major, rdev_minor, size, link, data_offset, allocated, first_piece, pieces, xattrs, sparse";

    readonly SqliteConnection _connection;

    LayerIndex(SqliteConnection connection, LayerInfo info) => (_connection, Info) = (connection, info);

    public LayerInfo Info { get; }

    public Compression Compression => Info.Compression;

    public long BlobSize => Info.BlobSize;

    public long DataSize => Info.DataSize;

    public long PieceCount => Info.PieceCount;

    public int SpanCount => Info.SpanCount;

    /// <exception cref="ImageException">There is no index of this format at <paramref name="path"/>, or it is damaged.</exception>
    public static LayerIndex Open(string path)
    {
        SqliteConnection? connection = null;
        try
        {
            // immutable: no locks and no look for a journal, so that a read-only store serves too (sqlite.org/uri.html).
            connection = new SqliteConnection(new SqliteConnectionStringBuilder
            {
                DataSource = "file:" + Uri.EscapeDataString(Path.GetFullPath(path)) + "?immutable=1",
                Mode = SqliteOpenMode.ReadOnly,
                Pooling = false,
            }.ToString());
            connection.Open();
            return new LayerIndex(connection, ReadInfo(connection, path));
        }
        catch (Exception e) when (e is SqliteException or FormatException)
        {
            connection?.Dispose();
            throw Damaged(path, e.Message, e);
        }
        catch
        {
            connection?.Dispose();
            throw;
        }
    }

    /// <summary>All entries in the order of the tar stream.</summary>
    public LayerEntryCursor ReadEntries() =>
        new(new SqliteStatement(_connection.Handle!, $"SELECT {EntryColumns} FROM entry ORDER BY id"));

    /// <summary>Whiteouts and opaque marks alone, in the order of the tar stream.</summary>
    public LayerEntryCursor ReadWhiteouts() => new(new SqliteStatement(
        _connection.Handle!, $"SELECT {EntryColumns} FROM entry WHERE type >= {(int)LayerEntryType.Whiteout} ORDER BY id"));

    /// <summary>Those before eStargz's landmark.</summary>
    public long CountPrefetchPieces()
    {
        using var row = new SqliteStatement(_connection.Handle!, $"SELECT first_piece FROM entry WHERE path = ? AND type = {(int)LayerEntryType.Regular} ORDER BY id DESC LIMIT 1");
        row.Bind(1, ".prefetch.landmark"u8);
        return row.Step() ? row.Int64(0) : 0;
    }

    public IEnumerable<Piece> ReadPieces(long first, long count)
    {
        using var rows = new SqliteStatement(
            _connection.Handle!, "SELECT id, entry, data_offset, length, stream_offset, span, sha256 FROM piece WHERE id >= ? AND id < ? ORDER BY id");
        rows.Bind(1, first);
        rows.Bind(2, first + count);
        while (rows.Step())
            yield return new Piece(
                rows.Int64(0), rows.Int64(1), rows.Int64(2), rows.Int64(3), rows.Int64(4), (int)rows.Int64(5), rows.Blob(6).ToArray());
    }

    /// <summary>All spans in stream order, with their windows.</summary>
    /// <exception cref="DecompressionException">A window is damaged.</exception>
    public IEnumerable<SeekSpan> ReadSpans() => ReadSpans(0, Info.SpanCount);

    public IEnumerable<SeekSpan> ReadSpans(int first, int count)
    {
        using var rows = new SqliteStatement(
            _connection.Handle!, "SELECT id, in_offset, out_offset, mid_stream, bits, window, window_size, in_end, out_end, first_piece, pieces, sha256 FROM span WHERE id >= ? AND id < ? ORDER BY id");
        rows.Bind(1, first);
        rows.Bind(2, (long)first + count);
        while (rows.Step())
        {
            var window = WindowCodec.Unpack(rows.Blob(5), (int)rows.Int64(6));
            yield return new SeekSpan(
                (int)rows.Int64(0), new SeekPoint(rows.Int64(1), rows.Int64(2), rows.Int64(3) != 0, (int)rows.Int64(4), window), rows.Int64(7), rows.Int64(8), rows.Int64(9), rows.Int64(10))
            {
                Sha256 = rows.Blob(11).ToArray(),
            };
        }
    }

    public IEnumerable<SpanExtent> ReadExtents()
    {
        using var rows = new SqliteStatement(_connection.Handle!, "SELECT in_offset, in_end, out_offset, out_end, first_piece, pieces, mid_stream, bits, sha256 FROM span ORDER BY id");
        while (rows.Step())
            yield return new SpanExtent(rows.Int64(0), rows.Int64(1), rows.Int64(2), rows.Int64(3), rows.Int64(4), rows.Int64(5), rows.Int64(6) != 0)
            {
                LeadingBytes = rows.Int64(7) != 0 ? 1 : 0,
                Sha256 = rows.Blob(8).ToArray(),
            };
    }

    public void Dispose() => _connection.Dispose();

    static LayerInfo ReadInfo(SqliteConnection connection, string path)
    {
        var database = connection.Handle!;
        if (Number(database, "PRAGMA application_id") != LayerSchema.ApplicationId)
            throw Damaged(path, "it is no layer index", null);
        var version = Number(database, "PRAGMA user_version");
        if (version != LayerSchema.Version)
            throw Damaged(path, $"it has format {version}, this program reads {LayerSchema.Version}", null);
        using var row = new SqliteStatement(
            database, "SELECT blob_digest, blob_size, diff_id, stream_size, compression, data_size, allocated, entries, pieces, spans FROM layer");
        if (!row.Step()) throw Damaged(path, "it was never completed", null);
        return new LayerInfo(
            Digest.Parse(row.Text(0)), row.Int64(1), Digest.Parse(row.Text(2)), row.Int64(3), (Compression)row.Int64(4),
            row.Int64(5), row.Int64(6), row.Int64(7), row.Int64(8), (int)row.Int64(9));
    }

    static long Number(SQLitePCL.sqlite3 database, string sql)
    {
        using var row = new SqliteStatement(database, sql);
        return row.Step() ? row.Int64(0) : 0;
    }

    internal static ImageException Damaged(string path, string why, Exception? inner)
    {
        var message = $"layer index {path} cannot be used: {why.ReplaceLineEndings(" ")}; delete its folder and it is built again";
        return inner is null ? new ImageException(message) : new ImageException(message, inner);
    }
}
