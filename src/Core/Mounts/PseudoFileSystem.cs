using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Mounts;

/// <summary>The root of a session with several mounts: directories that exist because something is mounted below them. Nothing of it may be cached by the guest.</summary>
sealed class PseudoFileSystem : ReadOnlyFileSystem
{
    const uint DirectoryType = StatMode.Directory >> 12;

    readonly PseudoDirectory _root = new(1, [], null);
    volatile IdTable<PseudoDirectory> _directories;
    ulong _lastPosition = 1;

    public PseudoFileSystem() => _directories = IdTable<PseudoDirectory>.Empty.With((_root.Position, _root));

    /// <exception cref="MountException">The path is a mount point, or leads through one or to some.</exception>
    public void CheckPlace(MountPath path)
    {
        var (deepest, depth) = Find(path);
        if (deepest.Mounted is { } mount)
            throw depth == path.Names.Count ? new MountException(MountFailure.Exists, $"{path} is a mount point already.") : MountException.Below(path, mount.Path);
        if (depth == path.Names.Count)
            throw MountException.Above(path);
    }

    /// <summary>Makes a mount point, at a place that was checked, and the directories that lead to it. The router serialises changes.</summary>
    public void Attach(MountPath path, Mount mount)
    {
        var (parent, depth) = Find(path);
        // A guest must see all of it or nothing: the last thing is to put the topmost new directory into the tree.
        var added = new (ulong Id, PseudoDirectory Directory)[path.Names.Count - depth];
        for (var at = 0; at < added.Length; at++)
        {
            var last = at == added.Length - 1;
            var made = new PseudoDirectory(++_lastPosition, path.Names[depth + at], at == 0 ? parent : added[at - 1].Directory) { Mounted = last ? mount : null };
            if (at > 0)
                made.Parent.Add(made);
            added[at] = (made.Position, made);
        }
        _directories = _directories.With(added);
        parent.Add(added[0].Directory);
    }

    /// <summary>Takes a mount point away, and what directories lead to no other.</summary>
    /// <exception cref="MountException">There is none.</exception>
    public Mount Detach(MountPath path)
    {
        var (directory, depth) = Find(path);
        if (depth < path.Names.Count || directory.Mounted is not { } mount)
            throw new MountException(MountFailure.NotFound, $"Nothing is mounted on {path}.");
        do
        {
            directory.Parent.Remove(directory);
            _directories = _directories.Without(directory.Position);
            directory = directory.Parent;
        }
        while (directory != _root && directory.Children.Length == 0);
        return mount;
    }

    public Mount? MountedOn(NodeId node) => Find(node)?.Mounted;

    public override ValueTask<Reply<Entry>> LookupAsync(RequestContext request, NodeId parent)
    {
        if (Find(parent) is not { } directory)
            return new(Errno.ESTALE);
        return directory.Find(request.Name.Span) is { } child
            ? new(new Entry { Node = new NodeId(child.Position), Attributes = AttributesOf(child) })
            : new(Errno.ENOENT);
    }

    public override ValueTask<Reply<AttributesReply>> GetAttributesAsync(RequestContext request, NodeId node, HandleId? handle) =>
        Find(node) is { } directory ? new(new AttributesReply { Attributes = AttributesOf(directory) }) : new(Errno.ESTALE);

    public override ValueTask<Errno> ReadDirectoryAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, DirectoryWriter into)
    {
        if (Find(node) is not { } directory)
            return new(Errno.ESTALE);
        var children = directory.Children;
        if (offset < 1 && !into.Add("."u8, directory.Position, DirectoryType, 1))
            return new(Errno.None);
        if (offset < 2 && !into.Add(".."u8, directory.Parent.Position, DirectoryType, 2))
            return new(Errno.None);
        // Children come in the order of their positions, which are above 1 and never used twice: an offset stays right whatever comes and goes.
        foreach (var child in children)
        {
            if (child.Position + 1 > offset && !into.Add(child.Name, child.Position, DirectoryType, child.Position + 1))
                break;
        }
        return new(Errno.None);
    }

    public override ValueTask<Reply<OpenReply>> OpenDirectoryAsync(RequestContext request, NodeId node, int flags) =>
        Find(node) is null ? new(Errno.ESTALE) : new(new OpenReply());

    public override ValueTask<Reply<FileSystemStatistics>> StatisticsAsync(RequestContext request, NodeId node) =>
        new(new FileSystemStatistics { BlockSize = 4096, FragmentSize = 4096, NameLength = 255, Files = (ulong)_directories.Count });

    public override ValueTask<Errno> AccessAsync(RequestContext request, NodeId node, int mask) =>
        new(Find(node) is null ? Errno.ESTALE : (mask & 2) != 0 ? Errno.EROFS : Errno.None);

    public override ValueTask<Reply<int>> ReadLinkAsync(RequestContext request, NodeId node, int capacity) => new(Errno.EINVAL);

    public override ValueTask<Reply<int>> ReadAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, IoBuffers into) => new(Errno.EISDIR);

    public override ValueTask<Reply<OpenReply>> OpenAsync(RequestContext request, NodeId node, in OpenRequest open) => new(Errno.EISDIR);

    public override ValueTask<Reply<int>> GetXattrAsync(RequestContext request, NodeId node, int capacity) => new(Errno.ENODATA);

    public override ValueTask<Reply<int>> ListXattrAsync(RequestContext request, NodeId node, int capacity) => new((Reply<int>)0);

    public override ValueTask<Reply<ulong>> SeekAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, uint whence) => new(Errno.EISDIR);

    static NodeAttributes AttributesOf(PseudoDirectory directory) => new()
    {
        Ino = directory.Position,
        Mode = StatMode.Directory | 0x1ED, // rwxr-xr-x
        LinkCount = 2 + (uint)directory.Children.Length,
        BlockSize = 4096,
        AccessTime = directory.Changed,
        ModifyTime = directory.Changed,
        ChangeTime = directory.Changed,
    };

    /// <summary>The deepest directory on the way that there is, and how many names lead to it.</summary>
    (PseudoDirectory Deepest, int Depth) Find(MountPath path)
    {
        var directory = _root;
        var depth = 0;
        for (; depth < path.Names.Count && directory.Find(path.Names[depth]) is { } child; depth++)
            directory = child;
        return (directory, depth);
    }

    PseudoDirectory? Find(NodeId node) => _directories.Find(node.Value);
}
