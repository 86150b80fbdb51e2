using Microsoft.Win32.SafeHandles;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>SHA-256 of pieces whose index has none, noted when their bytes came out of a span that was verified: what they are held to when they are
/// in doubt later. A digest that is lost or damaged costs a fetch and nothing else, since no bytes have it. Thread-safe.</summary>
/// <param name="path">32 bytes a piece; made when there is one to note. Null to note none.</param>
sealed class PieceDigests(string? path) : IDisposable
{
    const int Size = 32;

    readonly Lock _lock = new();
    SafeFileHandle? _file;
    bool _disposed;

    public void Note(long piece, ReadOnlySpan<byte> digest)
    {
        try
        {
            if (Open(FileMode.OpenOrCreate) is { } file) RandomAccess.Write(file, digest, piece * Size);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk: without it the piece is fetched again when it is in doubt.
        }
    }

    /// <returns>Whether these are the bytes that were noted.</returns>
    public bool Matches(long piece, ReadOnlySpan<byte> digest)
    {
        Span<byte> noted = stackalloc byte[Size];
        try
        {
            return Open(FileMode.Open) is { } file && RandomAccess.Read(file, noted, piece * Size) == Size && digest.SequenceEqual(noted);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Makes what was noted durable, as far as that can be done.</summary>
    public void Sync()
    {
        try
        {
            SafeFileHandle? file;
            lock (_lock) file = _file;
            if (file is not null) RandomAccess.FlushToDisk(file);
        }
        catch (IOException)
        {
            // As if it had not been noted.
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _file?.Dispose();
        }
    }

    SafeFileHandle? Open(FileMode mode)
    {
        lock (_lock)
        {
            if (path is null || _disposed || (_file is null && mode == FileMode.Open && !File.Exists(path))) return null;
            return _file ??= File.OpenHandle(path, mode, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        }
    }
}
