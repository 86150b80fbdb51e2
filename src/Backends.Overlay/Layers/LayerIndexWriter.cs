using Microsoft.Data.Sqlite;

using VirtioFsStore.Backends.ObjectStore.Cache;

namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>Writes a layer index into a new file, in one transaction and with no journal: the file is made aside and counts
/// only once it is whole, synced and renamed into place. Entries, pieces and spans come in ascending order.</summary>
public sealed class LayerIndexWriter : IDisposable
{
    readonly string _path;
    readonly SqliteConnection _connection;
    readonly SqliteStatement _entry;
    readonly SqliteStatement _piece;
    readonly SqliteStatement _span;

    /// <summary>Bytes of the file so far, but for the last ones (2 MiB at most), which are in memory.</summary>
    public long Size => new FileInfo(_path).Length;

    public LayerIndexWriter(string path)
    {
        _path = path;
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = SqliteOpenMode.ReadWriteCreate,
            Pooling = false,
        }.ToString());
        _connection.Open();
        Run($"""
            PRAGMA application_id = {LayerSchema.ApplicationId};
            PRAGMA user_version = {LayerSchema.Version};
            PRAGMA page_size = 8192;
            PRAGMA journal_mode = OFF;
            PRAGMA synchronous = OFF;
            PRAGMA locking_mode = EXCLUSIVE;
            PRAGMA cache_size = -2048;
            BEGIN;
            """ + LayerSchema.Create);
        var database = _connection.Handle!;
        _entry = new SqliteStatement(database, "INSERT INTO entry VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
        _piece = new SqliteStatement(database, "INSERT INTO piece VALUES (?,?,?,?,?,?,?)");
        _span = new SqliteStatement(database, "INSERT INTO span VALUES (?,?,?,?,?,?,?,?,?,?,?,?)");
    }

    public void Add(in LayerEntry entry)
    {
        _entry.Bind(1, entry.Id);
        _entry.Bind(2, entry.Path);
        _entry.Bind(3, (long)entry.Type);
        _entry.Bind(4, entry.Mode);
        _entry.Bind(5, entry.Uid);
        _entry.Bind(6, entry.Gid);
        _entry.Bind(7, entry.MtimeSeconds);
        _entry.Bind(8, entry.MtimeNanoseconds);
        _entry.Bind(9, entry.RdevMajor);
        _entry.Bind(10, entry.RdevMinor);
        _entry.Bind(11, entry.Size);
        _entry.BindOrNull(12, entry.Link);
        _entry.Bind(13, entry.DataOffset);
        _entry.Bind(14, entry.Allocated);
        _entry.Bind(15, entry.FirstPiece);
        _entry.Bind(16, entry.PieceCount);
        _entry.BindOrNull(17, entry.Xattrs.Encoded);
        _entry.BindOrNull(18, entry.Sparse.Encoded);
        _entry.Execute();
    }

    public void Add(in Piece piece)
    {
        _piece.Bind(1, piece.Id);
        _piece.Bind(2, piece.EntryId);
        _piece.Bind(3, piece.DataOffset);
        _piece.Bind(4, piece.Length);
        _piece.Bind(5, piece.StreamOffset);
        _piece.Bind(6, piece.Span);
        _piece.BindOrNull(7, piece.Sha256.Span);
        _piece.Execute();
    }

    /// <param name="span">Its start's window is stored as <paramref name="compressedWindow"/>.</param>
    /// <param name="compressedWindow">A zstd frame of the window, or empty.</param>
    public void Add(SeekSpan span, ReadOnlySpan<byte> compressedWindow)
    {
        _span.Bind(1, span.Id);
        _span.Bind(2, span.Start.InOffset);
        _span.Bind(3, span.InEnd);
        _span.Bind(4, span.Start.OutOffset);
        _span.Bind(5, span.OutEnd);
        _span.Bind(6, span.Start.MidStream ? 1 : 0);
        _span.Bind(7, span.Start.Bits);
        _span.BindOrNull(8, compressedWindow);
        _span.Bind(9, span.Start.Window.Length);
        _span.Bind(10, span.FirstPiece);
        _span.Bind(11, span.PieceCount);
        _span.BindOrNull(12, span.Sha256.Span);
        _span.Execute();
    }

    /// <summary>Ends the transaction and closes the file, which is not yet synced.</summary>
    public void Complete(LayerInfo layer)
    {
        using (var statement = new SqliteStatement(_connection.Handle!, "INSERT INTO layer VALUES (?,?,?,?,?,?,?,?,?,?)"))
        {
            statement.Bind(1, layer.BlobDigest.ToString());
            statement.Bind(2, layer.BlobSize);
            statement.Bind(3, layer.DiffId.ToString());
            statement.Bind(4, layer.StreamSize);
            statement.Bind(5, (long)layer.Compression);
            statement.Bind(6, layer.DataSize);
            statement.Bind(7, layer.Allocated);
            statement.Bind(8, layer.EntryCount);
            statement.Bind(9, layer.PieceCount);
            statement.Bind(10, layer.SpanCount);
            statement.Execute();
        }

        Run("COMMIT");
        Dispose();
    }

    public void Dispose()
    {
        _entry.Dispose();
        _piece.Dispose();
        _span.Dispose();
        _connection.Dispose();
    }

    void Run(string sql)
    {
        using var command = _connection.CreateCommand();
#pragma warning disable CA2100 // only constants of this file and of LayerSchema come here
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }
}
