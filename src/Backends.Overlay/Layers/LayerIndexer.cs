using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>Turns what a tar parser finds into rows of a layer index and bytes of a data file.</summary>
sealed class LayerIndexer(LayerIndexWriter index, LayerDataWriter data) : ITarSink, IDisposable
{
    readonly PieceCutter _pieces = new(index);
    readonly LayerEntryWriter _entries = new(index);
    MemberKind _kind;

    public long EntryCount => _entries.Count;

    public long PieceCount => _pieces.Count;

    public long DataSize => _entries.DataSize;

    public long Allocated => _entries.Allocated;

    /// <summary>Must come before the data behind them.</summary>
    public void AddPoints(IReadOnlyList<SeekPoint> points) => _pieces.AddPoints(points);

    public void BeginEntry(TarEntry entry)
    {
        _kind = _entries.Begin(entry);
        if (_kind == MemberKind.WithContent) _pieces.BeginFile(_entries.Count);
    }

    public void Data(long fileOffset, long streamOffset, ReadOnlySpan<byte> bytes)
    {
        if (_kind != MemberKind.WithContent) return;
        _pieces.Add(_entries.DataOffset + fileOffset, streamOffset, bytes);
        data.Write(_entries.DataOffset + fileOffset, bytes);
    }

    /// <summary>The stream has been parsed so far.</summary>
    /// <exception cref="TarException">Its content takes absurdly more room than it has bytes.</exception>
    public void Advance(long streamOffset)
    {
        _pieces.Advance(streamOffset);
        _entries.CheckGrowth(streamOffset);
    }

    public void EndEntry()
    {
        if (_kind == MemberKind.Ignored) return;
        var (first, count) = _kind == MemberKind.WithContent ? _pieces.EndFile() : (0, 0);
        _entries.End(first, count);
    }

    /// <summary>To be called once, at the end of a stream that was sound.</summary>
    /// <returns>How many spans there are.</returns>
    public int Complete(long blobSize, long streamSize) => _pieces.Complete(blobSize, streamSize);

    public void Dispose() => _pieces.Dispose();
}
