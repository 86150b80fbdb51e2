using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.Tests.IndexBlobs;

/// <summary>What holds of every layer index: pieces are exactly the files' data and lie in their spans, spans follow each other.</summary>
static class IndexSoundness
{
    public static void Assert(LayerIndex index)
    {
        long data = 0, pieces = 0, stream = 0, end = 0, spanPieces = 0;
        foreach (var entry in index.ReadEntries())
        {
            Xunit.Assert.True(entry.Path.SequenceEqual(TarPath.Normalize(entry.Path, out _)));
            if (entry.Size == 0 || entry.Type != LayerEntryType.Regular)
            {
                Xunit.Assert.Equal((0L, 0L, 0), (entry.Size, entry.DataOffset, entry.PieceCount));
                continue;
            }

            Xunit.Assert.Equal((data, pieces), (entry.DataOffset, entry.FirstPiece));
            var extents = new List<(long Offset, long Length)>();
            for (var i = 0; i < entry.Sparse.Count; i++) extents.Add(entry.Sparse[i]);
            if (extents.Count == 0) extents.Add((0, entry.Size));
            var covered = index.ReadPieces(entry.FirstPiece, entry.PieceCount).ToList();
            Xunit.Assert.Equal(extents.Sum(extent => extent.Length), covered.Sum(piece => piece.Length));
            foreach (var piece in covered)
            {
                Xunit.Assert.Equal(pieces++, piece.Id);
                Xunit.Assert.Equal(entry.Id, piece.EntryId);
                Xunit.Assert.True(piece.StreamOffset >= stream);
                Xunit.Assert.Contains(extents, extent => piece.DataOffset - data >= extent.Offset && piece.DataOffset - data + piece.Length <= extent.Offset + extent.Length);
                stream = piece.StreamOffset + piece.Length;
                var span = Xunit.Assert.Single(index.ReadSpans(piece.Span, 1));
                Xunit.Assert.True(piece.StreamOffset >= span.Start.OutOffset && stream <= span.OutEnd);
            }

            data = DataPages.Up(data + entry.Size);
        }

        Xunit.Assert.Equal((index.Info.DataSize, index.PieceCount), (data, pieces));
        foreach (var span in index.ReadSpans())
        {
            Xunit.Assert.Equal((end, spanPieces), (span.Start.OutOffset, span.FirstPiece));
            Xunit.Assert.True(span.InEnd <= index.BlobSize);
            end = span.OutEnd;
            spanPieces += span.PieceCount;
        }

        Xunit.Assert.Equal((index.Info.StreamSize, index.PieceCount), (end, spanPieces));
    }
}
