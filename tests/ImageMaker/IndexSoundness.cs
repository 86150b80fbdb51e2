using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.ImageMaker;

/// <summary>What holds of every layer index, whoever made it: pieces are exactly the files' data and lie in their spans, spans follow each other and lie in
/// the blob.</summary>
public static class IndexSoundness
{
    /// <exception cref="InvalidDataException">Something does not hold.</exception>
    public static void Check(LayerIndex index)
    {
        var spans = CheckSpans(index);
        long data = 0, pieces = 0, stream = 0;
        foreach (var entry in index.ReadEntries())
        {
            Require(entry.Path.SequenceEqual(TarPath.Normalize(entry.Path, out _)), $"entry {entry.Id} has a path that is none");
            if (entry.Size == 0 || entry.Type != LayerEntryType.Regular)
            {
                Require((entry.Size, entry.DataOffset, entry.PieceCount) == (0, 0, 0), $"entry {entry.Id} has data, and is no file");
                continue;
            }

            Require((entry.DataOffset, entry.FirstPiece) == (data, pieces), $"file {entry.Id} does not lie behind the one before");
            var size = entry.Size;
            var extents = new List<(long Offset, long Length)>();
            for (var i = 0; i < entry.Sparse.Count; i++) extents.Add(entry.Sparse[i]);
            if (extents.Count == 0) extents.Add((0, size));
            Require(extents.TrueForAll(extent => extent.Offset >= 0 && extent.Length >= 0 && extent.Offset <= size - extent.Length), $"file {entry.Id} has an extent outside of it");
            var covered = index.ReadPieces(entry.FirstPiece, entry.PieceCount).ToList();
            Require(extents.Sum(extent => extent.Length) == covered.Sum(piece => piece.Length), $"the pieces of file {entry.Id} are not its data");
            foreach (var piece in covered)
            {
                Require(piece.Id == pieces++ && piece.EntryId == entry.Id && piece.Length > 0, $"piece {piece.Id} is not of file {entry.Id}");
                Require(
                    extents.Exists(extent => piece.DataOffset - data >= extent.Offset && piece.DataOffset - data + piece.Length <= extent.Offset + extent.Length),
                    $"piece {piece.Id} lies outside the extents of its file");
                Require(piece.StreamOffset >= stream, $"piece {piece.Id} lies in another one in the stream");
                stream = piece.StreamOffset + piece.Length;
                Require((uint)piece.Span < (uint)spans.Count, $"piece {piece.Id} has no span");
                var span = spans[piece.Span];
                Require(piece.StreamOffset >= span.Start.OutOffset && stream <= span.OutEnd, $"piece {piece.Id} lies outside its span");
                Require(piece.Id >= span.FirstPiece && piece.Id < span.FirstPiece + span.PieceCount, $"span {span.Id} does not know piece {piece.Id}");
                Require(piece.Sha256.Length == 32 || (piece.Sha256.IsEmpty && span.Sha256.Length == 32), $"nothing vouches for piece {piece.Id}");
            }

            data = DataPages.Up(data + entry.Size);
        }

        Require((index.Info.DataSize, index.PieceCount) == (data, pieces), "the files are not what the index has in all");
    }

    static List<SeekSpan> CheckSpans(LayerIndex index)
    {
        var spans = index.ReadSpans().ToList();
        long inEnd = 0, outEnd = 0, pieces = 0;
        foreach (var span in spans)
        {
            Require((span.Start.OutOffset, span.FirstPiece) == (outEnd, pieces), $"span {span.Id} does not follow the one before");
            Require(
                span.Start.InOffset >= inEnd && span.InEnd >= span.Start.InOffset && span.InEnd <= index.BlobSize && span.OutEnd >= outEnd && span.PieceCount >= 0,
                $"span {span.Id} lies outside the blob or in another one");
            Require(span.Start.Bits is >= 0 and < 8 && (span.Start.Bits == 0 || span.Start.InOffset > 0), $"span {span.Id} begins within a byte that is none");
            Require(span.Start.Window.Length <= Math.Min(outEnd, 32768), $"span {span.Id} has a window that lies before the stream");
            (inEnd, outEnd, pieces) = (span.InEnd, span.OutEnd, pieces + span.PieceCount);
        }

        Require((spans.Count, outEnd, pieces) == (index.SpanCount, index.Info.StreamSize, index.PieceCount), "the spans are not the stream");
        return spans;
    }

    static void Require(bool holds, string otherwise)
    {
        if (!holds) throw new InvalidDataException(otherwise);
    }
}
