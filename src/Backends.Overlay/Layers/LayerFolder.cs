using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>The files of a layer, however its index came about; docs/formats.md lists them.</summary>
static class LayerFolder
{
    /// <summary>Makes a data file that is one hole.</summary>
    /// <param name="folder">Of the layer.</param>
    /// <param name="size">In bytes, a multiple of <see cref="DataPages.Size"/>.</param>
    public static void CreateEmptyData(string folder, long size)
    {
        var path = Path.Combine(folder, LayerBuilder.DataName);
        using var file = new FileDescriptor(SystemCallException.ThrowIfError(
            Descriptors.Open(path, OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_EXCL, 0x180 /* 0600 */), "open", path));
        SystemCallException.ThrowIfError(FileSpace.SetLength(file.Value, size), "ftruncate", path);
    }

    /// <summary>Completes the index and makes what follows from it. The data file is there already.</summary>
    /// <param name="folder">Of the layer.</param>
    /// <param name="index">Has all entries, pieces and spans.</param>
    /// <param name="state">Of every piece.</param>
    /// <param name="remoteIndex">See <see cref="LayerDigests.RemoteIndex"/>.</param>
    /// <param name="info">Of the layer.</param>
    public static void Complete(string folder, LayerIndexWriter index, PieceState state, Digest? remoteIndex, LayerInfo info)
    {
        StateFile.Create(Path.Combine(folder, LayerBuilder.StateName), info.PieceCount, state);
        index.Complete(info);
        new LayerDigests(info.BlobDigest, info.BlobSize, info.DiffId, LayerDigests.OfIndex(Path.Combine(folder, LayerBuilder.IndexName)), remoteIndex)
            .Write(Path.Combine(folder, LayerBuilder.DigestsName));
    }
}
