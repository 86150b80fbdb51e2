using System.Runtime.CompilerServices;
using VirtioFsStore.Backends.Overlay.Tree;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Images;

/// <summary>
/// A merged image, read-only. Node ids are positions in its tree, the same in every process, so nothing is remembered of a
/// guest; nothing ever changes, so everything may be cached without end. What needs no absent piece allocates nothing.
/// </summary>
public sealed unsafe partial class ImageFileSystem : ReadOnlyFileSystem, IMappable
{
    /// <summary>What st_size says of directories; they take no blocks here.</summary>
    const ulong DirectorySize = 4096;

    const uint PageSize = 4096;
    const ulong SectorsPerPage = 8;

    readonly ImageTree _tree;
    readonly LayerContent[] _layers;
    readonly IAsyncDisposable? _keeper;

    /// <param name="tree">Becomes this object's own.</param>
    /// <param name="layers">The content of each of the tree's layers, in their order; becomes this object's own.</param>
    /// <param name="keeper">Is disposed of at the end.</param>
    internal ImageFileSystem(ImageTree tree, LayerContent[] layers, IAsyncDisposable? keeper = null)
    {
        if (tree.Layers.Count != layers.Length)
            throw new ArgumentException($"The tree has {tree.Layers.Count} layers.", nameof(layers));
        _tree = tree;
        _layers = layers;
        _keeper = keeper;
    }

    public override FileSystemTraits Traits =>
        FileSystemTraits.Immutable | FileSystemTraits.ReadOnly
        | (_tree.HasXattrs ? FileSystemTraits.Xattrs | FileSystemTraits.PosixAcls : FileSystemTraits.None);

    /// <summary>From how many bytes on guests that leave the choice to this side are told to map a file. Any can be mapped.</summary>
    public ulong DaxMinimum { get; init; } = ulong.MaxValue;

    /// <summary>VMMs that map only what is open for writing may have the layers' data so, immutable meanwhile.</summary>
    public bool MayLend { get; init; } = true;

    /// <summary>Inodes in the image: node ids are 1 … this.</summary>
    public uint InodeCount => _tree.InodeCount;

    public override ValueTask<Reply<Entry>> LookupAsync(RequestContext request, NodeId parent)
    {
        if (!_tree.TryGetInode(parent.Value, out var directory))
            return Failed<Entry>(Errno.ESTALE);
        if (!directory.IsDirectory)
            return Failed<Entry>(Errno.ENOTDIR);
        var position = _tree.Find(parent.Value, directory, request.Name.Span);
        if (position == 0)
            return new(Entry.Negative(Validity.Unlimited));
        Entry entry = default;
        if (!Fill(position, ref entry))
            return Failed<Entry>(Errno.EIO);
        return new(entry);
    }

    public override ValueTask<Reply<AttributesReply>> GetAttributesAsync(RequestContext request, NodeId node, HandleId? handle)
    {
        if (!_tree.TryGetInode(node.Value, out var inode))
            return Failed<AttributesReply>(Errno.ESTALE);
        AttributesReply reply = default;
        reply.Validity = Validity.Unlimited;
        Describe(node.Value, inode, ref reply.Attributes);
        return new(reply);
    }

    public override ValueTask<Reply<int>> ReadLinkAsync(RequestContext request, NodeId node, int capacity)
    {
        if (!_tree.TryGetInode(node.Value, out var inode))
            return Failed<int>(Errno.ESTALE);
        if (!inode.IsSymbolicLink)
            return Failed<int>(Errno.EINVAL);
        var target = _tree.LinkOf(inode);
        if (target.IsEmpty)
            return Failed<int>(Errno.EIO);
        var length = Math.Min(target.Length, Math.Max(capacity, 0));
        target[..length].CopyTo(new Span<byte>(request.Scratch(length), length));
        return new(length);
    }

    public override ValueTask<Reply<OpenReply>> OpenAsync(RequestContext request, NodeId node, in OpenRequest open)
    {
        if (!_tree.TryGetInode(node.Value, out var inode))
            return Failed<OpenReply>(Errno.ESTALE);
        if (inode.IsDirectory)
            return Failed<OpenReply>(Errno.EISDIR);
        if (inode.IsSymbolicLink)
            return Failed<OpenReply>(Errno.ELOOP);
        // A guest's kernel opens devices and FIFOs itself.
        if (!inode.IsRegular)
            return Failed<OpenReply>(Errno.ENXIO);
        if ((open.Flags & OpenFlags.O_ACCMODE) != OpenFlags.O_RDONLY || (open.Flags & OpenFlags.O_TRUNC) != 0)
            return Failed<OpenReply>(Errno.EROFS);
        return new(new OpenReply { Flags = OpenReplyFlags.KeepCache });
    }

    public override ValueTask<Reply<OpenReply>> OpenDirectoryAsync(RequestContext request, NodeId node, int flags)
    {
        if (!_tree.TryGetInode(node.Value, out var inode))
            return Failed<OpenReply>(Errno.ESTALE);
        if (!inode.IsDirectory)
            return Failed<OpenReply>(Errno.ENOTDIR);
        return new(new OpenReply { Flags = OpenReplyFlags.KeepCache | OpenReplyFlags.CacheDirectory });
    }

    public override ValueTask<Errno> ReadDirectoryAsync(
        RequestContext request, NodeId node, HandleId handle, ulong offset, DirectoryWriter into)
    {
        if (!_tree.TryGetInode(node.Value, out var directory))
            return new(Errno.ESTALE);
        return new(directory.IsDirectory ? List(node.Value, directory, offset, into) : Errno.ENOTDIR);
    }

    public override ValueTask<Reply<FileSystemStatistics>> StatisticsAsync(RequestContext request, NodeId node) =>
        new(new FileSystemStatistics
        {
            Blocks = _tree.TotalPages,
            Files = _tree.InodeCount,
            BlockSize = PageSize,
            FragmentSize = PageSize,
            NameLength = 255,
        });

    /// <summary>A guest's kernel checks permissions itself (default_permissions); what it cannot know is that nothing here can be written.</summary>
    public override ValueTask<Errno> AccessAsync(RequestContext request, NodeId node, int mask)
    {
        const int write = 2, execute = 1;
        if (!_tree.TryGetInode(node.Value, out var inode))
            return new(Errno.ESTALE);
        // As a read-only mount does: devices and FIFOs can be written to (fs/namei.c, sb_permission).
        if ((mask & write) != 0 && (inode.IsRegular || inode.IsDirectory || inode.IsSymbolicLink))
            return new(Errno.EROFS);
        return new((mask & execute) != 0 && inode.IsRegular && (inode.Mode & 0x49) == 0 ? Errno.EACCES : Errno.None);
    }

    public override ValueTask DisposeAsync()
    {
        foreach (var layer in _layers)
            layer.Dispose();
        _isClosed = true;
        Close(Interlocked.Exchange(ref _lent, null));
        _tree.Dispose();
        var ends = base.DisposeAsync();
        return _keeper?.DisposeAsync() ?? ends;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static ValueTask<Reply<T>> Failed<T>(Errno error)
        where T : struct =>
        new((Reply<T>)error);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void Describe(ulong position, in InodeRecord inode, ref NodeAttributes attributes)
    {
        var time = new Timestamp(inode.MtimeSeconds, inode.MtimeNanoseconds);
        attributes.Ino = position;
        attributes.ModifyTime = attributes.AccessTime = attributes.ChangeTime = time;
        attributes.Mode = inode.Mode;
        attributes.LinkCount = inode.LinkCount;
        attributes.Uid = inode.Uid;
        attributes.Gid = inode.Gid;
        attributes.BlockSize = PageSize;
        switch (inode.Mode & StatMode.TypeMask)
        {
            case StatMode.Regular:
                attributes.Size = inode.Size;
                attributes.Blocks = inode.Pages * SectorsPerPage;
                if (inode.Size >= DaxMinimum)
                    attributes.Flags = NodeAttributeFlags.Dax;
                break;
            case StatMode.SymbolicLink:
                attributes.Size = inode.Size;
                break;
            case StatMode.Directory:
                attributes.Size = DirectorySize;
                break;
            case StatMode.CharacterDevice or StatMode.BlockDevice:
                attributes.DeviceMajor = (uint)(inode.Location >> 32);
                attributes.DeviceMinor = (uint)inode.Location;
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    bool Fill(uint position, ref Entry entry)
    {
        if (!_tree.TryGetInode(position, out var inode))
            return false;
        entry.Node = new NodeId(position);
        entry.EntryValidity = entry.AttributesValidity = Validity.Unlimited;
        Describe(position, inode, ref entry.Attributes);
        return true;
    }

    /// <summary>Offset 0 is before ".", 1 before "..", n + 2 before entry n.</summary>
    Errno List(ulong position, in InodeRecord directory, ulong offset, DirectoryWriter into)
    {
        if (offset == 0 && !into.Add("."u8, position, StatMode.Directory >> 12, 1))
            return Errno.None;
        if (offset <= 1 && !into.Add(".."u8, directory.FirstPieceOrParent, StatMode.Directory >> 12, 2))
            return Errno.None;
        var entry = default(Entry);
        for (var next = Math.Max(offset, 2) - 2; next < directory.EntryCount; next++)
        {
            if (!_tree.TryGetEntry(directory, (uint)next, out var record, out var name))
                return Errno.EIO;
            if (!into.HasRoom(name.Length))
                return Errno.None;
            if (into.Plus)
            {
                entry.Attributes = default;
                if (!Fill(record.Node, ref entry))
                    return Errno.EIO;
                if (!into.Add(name, entry, next + 3))
                    return Errno.None;
            }
            else if (!into.Add(name, record.Node, record.Type, next + 3))
            {
                return Errno.None;
            }
        }

        return Errno.None;
    }
}
