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
    /// <param name="layers">The lowest first.</param>
    /// <param name="cancellation">Ends the work.</param>
    public async ValueTask<FileDescriptor> OpenAsync(IReadOnlyList<StoredLayer> layers, CancellationToken cancellation)
    {
        var key = new TreeKey([.. layers.Select(layer => layer.Identity)]);
        var path = Path.Combine(store.Folder("trees", (int)TreeFormat.Version), key.ToString());
        for (var attempt = 1; ; attempt++)
        {
            var built = await store.EnsureAsync(
                $"tree-{key}", path, (aside, stop) => BuildAsync(aside, layers, key, stop), cancellation).ConfigureAwait(false);
            var fd = Descriptors.Open(path, OpenFlags.O_RDONLY);
            if (fd == -(int)Errno.ENOENT && attempt == 1)
                continue;
            var file = new FileDescriptor(SystemCallException.ThrowIfError(fd, "open", path));
            try
            {
                using var tree = ImageTree.Open(file.Value, path, key, verify: true);
                CheckLayers(tree, layers, path);
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

    static ValueTask BuildAsync(string aside, IReadOnlyList<StoredLayer> layers, TreeKey key, CancellationToken cancellation)
    {
        using var stack = new LayerStack(i => layers[i].OpenIndex(), layers.Count);
        var writer = new TreeWriter(stack.Merge(cancellation), key, stack.ReadPieces);
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

    static void CheckLayers(ImageTree tree, IReadOnlyList<StoredLayer> layers, string path)
    {
        foreach (var (layer, stored) in tree.Layers.Zip(layers))
            if (stored.SizeOf(LayerFile.Data) != layer.DataSize || stored.SizeOf(LayerFile.State) != StateFile.FileSize(layer.PieceCount))
                throw new ImageException($"the tree {path} does not match layer {layer.Digest}: delete that layer's folder from the store and it is built again");
    }
}
