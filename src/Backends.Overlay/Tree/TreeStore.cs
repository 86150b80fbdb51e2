using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Merge;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>The keeper's side of trees: builds each once, whatever processes want it, and gives out only what it has verified.</summary>
sealed class TreeStore(StoreDirectory store)
{
    /// <summary>The tree of an image whose layers are all in the store, open for reading and verified; a damaged one, or one of
    /// layers that were indexed anew since, is replaced.</summary>
    /// <exception cref="ImageException">The layers do not add up to an image, or the store cannot take the tree.</exception>
    /// <param name="layers">As the store has them, the lowest first.</param>
    /// <param name="cancellation">Ends the work.</param>
    public async ValueTask<FileDescriptor> OpenAsync(IReadOnlyList<LayerIdentity> layers, CancellationToken cancellation)
    {
        var key = new TreeKey(layers);
        var path = Path.Combine(store.Folder("trees", (int)TreeFormat.Version), key.ToString());
        for (var attempt = 1; ; attempt++)
        {
            var built = await store.EnsureAsync(
                $"tree-{key}", path, (aside, stop) => BuildAsync(aside, key, stop), cancellation).ConfigureAwait(false);
            var fd = Descriptors.Open(path, OpenFlags.O_RDONLY);
            if (fd == -(int)Errno.ENOENT && attempt == 1)
                continue;
            var file = new FileDescriptor(SystemCallException.ThrowIfError(fd, "open", path));
            try
            {
                using var tree = ImageTree.Open(file.Value, path, key, verify: true);
                CheckLayers(tree, path);
                return file;
            }
            catch (ImageException) when (!built && attempt == 1)
            {
                // Whoever has it mapped keeps the old file: it is unlinked, never changed.
                file.Dispose();
                File.Delete(path);
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }
    }

    ValueTask BuildAsync(string aside, TreeKey key, CancellationToken cancellation)
    {
        using var layers = new LayerStack(i => OpenIndex(key.Layers[i]), key.Layers.Count);
        var writer = new TreeWriter(layers.Merge(cancellation), key, layers.ReadPieces);
        cancellation.ThrowIfCancellationRequested();
        using var file = new FileStream(aside, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            BufferSize = 0,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        writer.Write(file);
        return ValueTask.CompletedTask;
    }

    LayerIndex OpenIndex(LayerIdentity layer) => store.ReadLayerDigests(layer.Blob)?.RemoteIndex == layer.RemoteIndex
        ? store.OpenLayerIndex(layer.Blob)
        : throw new ImageException($"layer {layer.Blob} was indexed anew meanwhile, for another image; open this one again");

    void CheckLayers(ImageTree tree, string path)
    {
        foreach (var layer in tree.Layers)
        {
            var data = new FileInfo(store.LayerPath(layer.Digest, LayerFile.Data));
            var state = new FileInfo(store.LayerPath(layer.Digest, LayerFile.State));
            if (!data.Exists || data.Length != layer.DataSize || !state.Exists || state.Length != StateFile.FileSize(layer.PieceCount))
                throw new ImageException($"the tree {path} does not match layer {layer.Digest}: delete that layer's folder from the store and it is built again");
        }
    }
}
