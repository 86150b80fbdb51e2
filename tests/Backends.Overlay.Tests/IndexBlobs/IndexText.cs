using System.Globalization;
using System.Text;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Layers;

namespace VirtioFsStore.Backends.Overlay.Tests.IndexBlobs;

/// <summary>All that a layer index says, a line each.</summary>
static class IndexText
{
    public static List<string> Of(LayerIndex index) =>
    [
        index.Info.ToString(),
        .. EntriesOf(index),
        .. index.ReadPieces(0, index.PieceCount).Select(piece => (piece with { Sha256 = default }).ToString() + Convert.ToHexString(piece.Sha256.Span)),
        .. index.ReadSpans().Select(span => $"span {span.Id} {span.Start.InOffset}-{span.InEnd} {span.Start.OutOffset}-{span.OutEnd} {span.Start.MidStream} {span.Start.Bits} {Digest.Sha256(span.Start.Window.Span)} {span.FirstPiece}+{span.PieceCount}"),
    ];

    /// <summary>What a tree is made of, and nothing of how it is fetched.</summary>
    public static List<string> EntriesOf(LayerIndex index)
    {
        var lines = new List<string>();
        foreach (var entry in index.ReadEntries())
            lines.Add(string.Create(CultureInfo.InvariantCulture,
                $"entry {entry.Id} {Encoding.Latin1.GetString(entry.Path)} {entry.Type} {entry.Mode} {entry.Uid} {entry.Gid} {entry.MtimeSeconds}.{entry.MtimeNanoseconds} {entry.RdevMajor},{entry.RdevMinor} {entry.Size} {Encoding.Latin1.GetString(entry.Link)} at {entry.DataOffset} {entry.Allocated} {Convert.ToHexString(entry.Xattrs.Encoded)} {Convert.ToHexString(entry.Sparse.Encoded)}"));
        return lines;
    }
}
