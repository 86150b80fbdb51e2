using System.Text;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Mounts;

/// <summary>The root of a session with several mounts: directories that exist because something is mounted below them. Nothing of it may be cached by the guest.</summary>
sealed class PseudoFileSystem : ReadOnlyFileSystem
{
    const uint DirectoryType = StatMode.Directory >> 12;

    // Position − 1 is the index; appended to and swapped as a whole.
    volatile PseudoDirectory[] _directories = [new PseudoDirectory(1, [], null)];

    /// <summary>Called by the router, which serialises changes.</summary>
    public void Attach(string path, Mount mount)
    {
        var names = Split(path);
        var directory = _directories[0];
        foreach (var name in names)
        {
            if (directory.Mounted is { } above)
                throw new ArgumentException($"Cannot mount on {path}: {above.Path} is a mount point itself, and mounts cannot be nested in one.");
            directory = directory.Find(name) ?? AddChild(directory, name);
        }
        if (directory.Mounted is not null)
            throw new ArgumentException($"{path} is already a mount point.");
        if (directory.Children.Length > 0)
            throw new ArgumentException($"Cannot mount on {path}: there are mount points below it.");
        directory.Mounted = mount;
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
        // Children are only ever appended, so an index is a stable offset.
        for (var index = offset < 2 ? 0 : offset - 2; index < (ulong)children.Length; index++)
        {
            var child = children[index];
            if (!into.Add(child.Name, child.Position, DirectoryType, index + 3))
                break;
        }
        return new(Errno.None);
    }

    public override ValueTask<Reply<OpenReply>> OpenDirectoryAsync(RequestContext request, NodeId node, int flags) =>
        Find(node) is null ? new(Errno.ESTALE) : new(new OpenReply());

    public override ValueTask<Reply<FileSystemStatistics>> StatisticsAsync(RequestContext request, NodeId node) =>
        new(new FileSystemStatistics { BlockSize = 4096, FragmentSize = 4096, NameLength = 255, Files = (ulong)_directories.Length });

    public override ValueTask<Errno> AccessAsync(RequestContext request, NodeId node, int mask) =>
        new(Find(node) is null ? Errno.ESTALE : (mask & 2) != 0 ? Errno.EROFS : Errno.None);

    public override ValueTask<Reply<int>> ReadLinkAsync(RequestContext request, NodeId node, int capacity) => new(Errno.EINVAL);

    public override ValueTask<Reply<int>> ReadAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, IoBuffers into) => new(Errno.EISDIR);

    public override ValueTask<Reply<OpenReply>> OpenAsync(RequestContext request, NodeId node, in OpenRequest open) => new(Errno.EISDIR);

    public override ValueTask<Reply<int>> GetXattrAsync(RequestContext request, NodeId node, int capacity) => new(Errno.ENODATA);

    public override ValueTask<Reply<int>> ListXattrAsync(RequestContext request, NodeId node, int capacity) => new((Reply<int>)0);

    public override ValueTask<Reply<ulong>> SeekAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, uint whence) => new(Errno.EISDIR);

    static List<byte[]> Split(string path)
    {
        if (path.Length == 0 || path[0] != '/' || path.Contains('\0', StringComparison.Ordinal))
            throw new ArgumentException($"A mount point is an absolute path, e.g. /images/web; got '{path}'.");
        var names = path.Split('/', StringSplitOptions.RemoveEmptyEntries).Select(Encoding.UTF8.GetBytes).ToList();
        if (names.Count == 0)
            throw new ArgumentException("The root itself cannot be a mount point here; name a directory below it.");
        if (names.Exists(name => name.AsSpan().SequenceEqual("."u8) || name.AsSpan().SequenceEqual(".."u8) || name.Length > 255))
            throw new ArgumentException($"A mount point has no '.', no '..' and no name over 255 bytes; got '{path}'.");
        return names;
    }

    static NodeAttributes AttributesOf(PseudoDirectory directory) => new()
    {
        Ino = directory.Position,
        Mode = StatMode.Directory | 0x1ED, // rwxr-xr-x
        LinkCount = 2 + (uint)directory.Children.Length,
        BlockSize = 4096,
    };

    PseudoDirectory? Find(NodeId node)
    {
        var directories = _directories;
        return node.Value - 1 < (ulong)directories.Length ? directories[node.Value - 1] : null;
    }

    PseudoDirectory AddChild(PseudoDirectory parent, byte[] name)
    {
        var directories = _directories;
        var child = new PseudoDirectory((ulong)directories.Length + 1, name, parent);
        _directories = [.. directories, child];
        parent.Children = [.. parent.Children, child];
        return child;
    }
}
