namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>The tables of a layer index; docs/formats.md describes them.</summary>
static class LayerSchema
{
    /// <summary>Raised with every change of the tables, of what the columns mean or of the files beside them that is not read as what
    /// it was before; part of the store's folder names too.</summary>
    public const int Version = 3;

    /// <summary>"VfsL": SQLite keeps it in the file's header, where file(1) finds it.</summary>
    public const int ApplicationId = 0x5666734c;

    public const string Create =
        """
        CREATE TABLE layer (
            blob_digest TEXT NOT NULL, blob_size INTEGER NOT NULL, diff_id TEXT NOT NULL, stream_size INTEGER NOT NULL,
            compression INTEGER NOT NULL, data_size INTEGER NOT NULL, allocated INTEGER NOT NULL,
            entries INTEGER NOT NULL, pieces INTEGER NOT NULL, spans INTEGER NOT NULL);
        CREATE TABLE entry (
            id INTEGER PRIMARY KEY, path BLOB NOT NULL, type INTEGER NOT NULL, mode INTEGER NOT NULL,
            uid INTEGER NOT NULL, gid INTEGER NOT NULL, mtime INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
            rdev_major INTEGER NOT NULL, rdev_minor INTEGER NOT NULL, size INTEGER NOT NULL, link BLOB,
            data_offset INTEGER NOT NULL, allocated INTEGER NOT NULL,
            first_piece INTEGER NOT NULL, pieces INTEGER NOT NULL, xattrs BLOB, sparse BLOB);
        CREATE TABLE piece (
            id INTEGER PRIMARY KEY, entry INTEGER NOT NULL, data_offset INTEGER NOT NULL, length INTEGER NOT NULL,
            stream_offset INTEGER NOT NULL, span INTEGER NOT NULL, sha256 BLOB);
        CREATE TABLE span (
            id INTEGER PRIMARY KEY, in_offset INTEGER NOT NULL, in_end INTEGER NOT NULL,
            out_offset INTEGER NOT NULL, out_end INTEGER NOT NULL,
            mid_stream INTEGER NOT NULL, bits INTEGER NOT NULL, window BLOB, window_size INTEGER NOT NULL,
            first_piece INTEGER NOT NULL, pieces INTEGER NOT NULL, sha256 BLOB);
        """;
}
