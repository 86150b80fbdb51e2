using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tree;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Images;

/// <summary>
/// All that serving an image needs, as descriptors: they can be handed to a process that can open nothing itself. Each open description
/// is this image's alone.
/// </summary>
/// <param name="Name">The image's reference, for messages.</param>
/// <param name="Layers">The layers, lowest first; one may be listed twice.</param>
/// <param name="Descriptors">The tree, then of each layer that the tree names, in its order, data, state and <see cref="UseMap"/>.</param>
public sealed record ImageFiles(string Name, IReadOnlyList<LayerIdentity> Layers, IReadOnlyList<FileDescriptor> Descriptors) : IDisposable
{
    const int FilesPerLayer = 3;

    /// <summary>Maps and takes over the files.</summary>
    /// <param name="pieces">Whom to ask for pieces that are absent; without one they read as EIO. If it can be disposed of, that is done with the file system.</param>
    /// <param name="daxMinimum">From how many bytes on guests are told to map files.</param>
    /// <param name="mayLend">See <see cref="ImageFileSystem.MayLend"/>.</param>
    /// <exception cref="ImageException">The files are not those of one image.</exception>
    public ImageFileSystem ToFileSystem(IPieceSource? pieces = null, ulong daxMinimum = ulong.MaxValue, bool mayLend = true)
    {
        ImageTree? tree = null;
        var contents = new List<LayerContent>();
        try
        {
            if (Descriptors.Count == 0)
                throw new ImageException($"{Name} came without its tree");
            // The keeper has verified it; what is damaged afterwards is caught where it is used.
            tree = ImageTree.Open(Descriptors[0].Value, $"of {Name}", new TreeKey(Layers), verify: false);
            if (Descriptors.Count != 1 + (FilesPerLayer * tree.Layers.Count))
                throw new ImageException($"{Name} came with {Descriptors.Count} files, and its tree names {tree.Layers.Count} layers");
            for (var i = 0; i < tree.Layers.Count; i++)
                contents.Add(OpenContent(tree.Layers[i], i, pieces));
            return new ImageFileSystem(tree, [.. contents], pieces as IAsyncDisposable) { DaxMinimum = daxMinimum, MayLend = mayLend };
        }
        catch
        {
            contents.ForEach(content => content.Dispose());
            tree?.Dispose();
            throw;
        }
        finally
        {
            // What the file system needs it has by now.
            Dispose();
        }
    }

    /// <summary>Which data and state files these are: a layer that is made anew, for another image, has others, whose pieces may have other
    /// numbers. To be asked while the descriptors are open.</summary>
    public (ulong Device, ulong Inode)[] IdentifyContent() =>
    [
        .. Descriptors.Where((_, position) => position > 0 && position % FilesPerLayer != 0)
            .Select(descriptor => FileShape.OfDescriptor(descriptor.Value, out var shape) < 0 ? default : (shape.Device, shape.Inode)),
    ];

    /// <summary>The use maps of the layers, in their order, as descriptors of the caller's own. To be asked while the descriptors are open.</summary>
    /// <exception cref="SystemCallException">There are no more descriptors.</exception>
    public IReadOnlyList<FileDescriptor> DuplicateUseMaps()
    {
        var maps = new List<FileDescriptor>();
        try
        {
            for (var i = FilesPerLayer; i < Descriptors.Count; i += FilesPerLayer)
                maps.Add(new FileDescriptor(SystemCallException.ThrowIfError(Core.Interop.Descriptors.Duplicate(Descriptors[i].Value), "dup", "a use map")));
            return maps;
        }
        catch
        {
            maps.ForEach(map => map.Dispose());
            throw;
        }
    }

    StoredContent OpenContent(TreeLayer layer, int position, IPieceSource? pieces)
    {
        var data = 1 + (FilesPerLayer * position);
        var own = new FileDescriptor(Descriptors[data].Release());
        try
        {
            return StoredContent.Open(layer, position, own, Descriptors[data + 1].Value, Descriptors[data + 2].Value, pieces);
        }
        catch
        {
            own.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var descriptor in Descriptors)
            descriptor.Dispose();
    }
}
