using Microsoft.Data.Sqlite;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Merge;

/// <summary>The layer indexes of an image, lowest first, opened together.</summary>
sealed class LayerStack : IDisposable
{
    readonly List<LayerIndex> _indexes = [];

    /// <param name="open">Opens the index of a layer by its place.</param>
    /// <param name="count">Layers.</param>
    public LayerStack(Func<int, LayerIndex> open, int count)
    {
        try
        {
            for (var i = 0; i < count; i++)
                _indexes.Add(open(i));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <exception cref="ImageException">The layers do not add up to an image, or an index is damaged.</exception>
    public MergedImage Merge(CancellationToken cancellation)
    {
        var merger = new LayerMerger();
        foreach (var index in _indexes)
            Guard(index, () => Apply(merger, index, cancellation));
        return merger.Finish();
    }

    /// <summary>Pieces of a layer by its place.</summary>
    public IEnumerable<Piece> ReadPieces(int layer, long first, int count)
    {
        List<Piece> pieces = [];
        Guard(_indexes[layer], () => pieces.AddRange(_indexes[layer].ReadPieces(first, count)));
        return pieces;
    }

    public void Dispose()
    {
        foreach (var index in _indexes)
            index.Dispose();
    }

    static void Apply(LayerMerger merger, LayerIndex index, CancellationToken cancellation)
    {
        var info = index.Info;
        merger.BeginLayer(new MergedLayer(info.BlobDigest.ToString(), info.DataSize, info.PieceCount));
        foreach (var entry in index.ReadWhiteouts())
            merger.Hide(entry);
        cancellation.ThrowIfCancellationRequested();

        foreach (var entry in index.ReadEntries())
        {
            cancellation.ThrowIfCancellationRequested();
            merger.Apply(entry);
        }
    }

    static void Guard(LayerIndex index, Action read)
    {
        try
        {
            read();
        }
        catch (SqliteException e)
        {
            throw new ImageException(
                $"the index of layer {index.Info.BlobDigest} is damaged ({e.Message.ReplaceLineEndings(" ")}); delete the layer's folder from the store and it is built again", e);
        }
    }
}
