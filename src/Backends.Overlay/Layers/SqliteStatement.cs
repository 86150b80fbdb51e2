using SQLitePCL;

namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>A prepared statement over SQLite's own interface: ADO.NET would allocate an array and boxes for every column
/// of a million rows.</summary>
sealed class SqliteStatement : IDisposable
{
    readonly sqlite3 _database;
    readonly sqlite3_stmt _statement;

    public SqliteStatement(sqlite3 database, string sql)
    {
        _database = database;
        Check(raw.sqlite3_prepare_v2(database, sql, out _statement));
    }

    public void Bind(int index, long value) => Check(raw.sqlite3_bind_int64(_statement, index, value));

    public void Bind(int index, string value) => Check(raw.sqlite3_bind_text(_statement, index, value));

    public void Bind(int index, ReadOnlySpan<byte> value) => Check(raw.sqlite3_bind_blob(_statement, index, value));

    /// <summary>An empty value is stored as NULL, which takes no room.</summary>
    public void BindOrNull(int index, ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty) Check(raw.sqlite3_bind_null(_statement, index));
        else Bind(index, value);
    }

    /// <summary>Runs to the end and makes ready for the next row's values.</summary>
    public void Execute()
    {
        var result = raw.sqlite3_step(_statement);
        if (result != raw.SQLITE_DONE) throw Error(result);
        Check(raw.sqlite3_reset(_statement));
    }

    public bool Step()
    {
        var result = raw.sqlite3_step(_statement);
        return result switch
        {
            raw.SQLITE_ROW => true,
            raw.SQLITE_DONE => false,
            _ => throw Error(result),
        };
    }

    public void Reset() => Check(raw.sqlite3_reset(_statement));

    public long Int64(int column) => raw.sqlite3_column_int64(_statement, column);

    public string Text(int column) => raw.sqlite3_column_text(_statement, column).utf8_to_string() ?? "";

    /// <summary>Valid until the next step; empty for NULL.</summary>
    public ReadOnlySpan<byte> Blob(int column) => raw.sqlite3_column_blob(_statement, column);

    public void Dispose() => _statement.Dispose();

    void Check(int result)
    {
        if (result != raw.SQLITE_OK) throw Error(result);
    }

    Microsoft.Data.Sqlite.SqliteException Error(int result) => new(
        raw.sqlite3_errmsg(_database).utf8_to_string(), result, raw.sqlite3_extended_errcode(_database));
}
