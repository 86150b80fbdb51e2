using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>What the store has of a layer at one moment, by a descriptor of its folder: all that comes from here is of one and the same index, whatever is
/// put in the layer's place meanwhile.</summary>
sealed class StoredLayer : IDisposable
{
    readonly string _path;
    readonly FileDescriptor _folder;
    readonly (ulong Device, ulong Inode) _identity;

    StoredLayer(string path, FileDescriptor folder, (ulong Device, ulong Inode) identity, LayerDigests digests) =>
        (_path, _folder, _identity, Digests) = (path, folder, identity, digests);

    public LayerDigests Digests { get; }

    public LayerIdentity Identity => new(Digests.Blob, Digests.RemoteIndex);

    /// <summary>Whether the layer's path still leads here. A folder that was replaced does not come back.</summary>
    public bool IsInPlace => FileShape.OfPath(_path, out var shape) >= 0 && (shape.Device, shape.Inode) == _identity;

    /// <summary>Whether the index is missing, or has not the bytes that it had. Reads all of it.</summary>
    public bool IsIndexDamaged => !File.Exists(At(_folder, LayerBuilder.IndexName)) || Digests.Index != LayerDigests.OfIndex(At(_folder, LayerBuilder.IndexName));

    /// <summary>Null where there is no such folder, or what is in it cannot be trusted.</summary>
    /// <param name="path">The layer's folder.</param>
    /// <param name="layer">The digest of its blob.</param>
    public static StoredLayer? TryOpen(string path, Digest layer)
    {
        var fd = Descriptors.Open(path, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY);
        if (fd == -(int)Errno.ENOENT) return null;
        var folder = new FileDescriptor(SystemCallException.ThrowIfError(fd, "open", path));
        try
        {
            SystemCallException.ThrowIfError(FileShape.OfDescriptor(folder.Value, out var shape), "statx", path);
            if (LayerDigests.TryRead(At(folder, LayerBuilder.DigestsName)) is { } digests && digests.Blob == layer)
                return new StoredLayer(path, folder, (shape.Device, shape.Inode), digests);
        }
        catch
        {
            folder.Dispose();
            throw;
        }

        folder.Dispose();
        return null;
    }

    /// <summary>Opens a file for reading: a new open description at each call.</summary>
    /// <exception cref="ImageException">It is missing.</exception>
    public FileDescriptor OpenFile(LayerFile file)
    {
        var name = StoreDirectory.NameOf(file);
        var fd = Descriptors.Open(At(_folder, name), OpenFlags.O_RDONLY);
        return fd >= 0
            ? new FileDescriptor(fd)
            : throw new ImageException($"layer {Digests.Blob} cannot be used: {Path.Combine(_path, name)}: {fd.ToErrno().Describe()}; delete its folder and it is built again");
    }

    /// <summary>In bytes; −1 where the file is missing.</summary>
    public long SizeOf(LayerFile file)
    {
        var info = new FileInfo(At(_folder, StoreDirectory.NameOf(file)));
        return info.Exists ? info.Length : -1;
    }

    /// <exception cref="ImageException">The index is damaged, or another took its place.</exception>
    public LayerIndex OpenIndex()
    {
        var path = Path.Combine(_path, LayerBuilder.IndexName);
        if (IsIndexDamaged) throw LayerIndex.Damaged(path, "its digest is not the one that it had", null);
        LayerIndex index;
        try
        {
            // SQLite resolves links itself, so that it opens by path alone: was that right, the path leads here afterwards, too.
            index = LayerIndex.Open(path);
        }
        catch (ImageException) when (!IsInPlace)
        {
            throw Replaced();
        }

        if (IsInPlace) return index;
        index.Dispose();
        throw Replaced();
    }

    public void Dispose() => _folder.Dispose();

    ImageException Replaced() => new($"layer {Digests.Blob} was indexed anew meanwhile, for another image; open this one again");

    static string At(FileDescriptor folder, string name) => $"/proc/self/fd/{folder.Value}/{name}";
}
