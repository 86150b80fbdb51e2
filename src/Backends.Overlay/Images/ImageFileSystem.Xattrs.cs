using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Images;

public sealed unsafe partial class ImageFileSystem
{
    public override ValueTask<Reply<int>> GetXattrAsync(RequestContext request, NodeId node, int capacity)
    {
        if (!_tree.TryGetInode(node.Value, out var inode))
            return Failed<int>(Errno.ESTALE);
        foreach (var xattr in _tree.XattrsOf(inode))
        {
            if (!xattr.Name.SequenceEqual(request.Name.Span))
                continue;
            var length = xattr.Value.Length;
            if (capacity == 0)
                return new(length);
            if (length > capacity)
                return Failed<int>(Errno.ERANGE);
            xattr.Value.CopyTo(new Span<byte>(request.Scratch(length), length));
            return new(length);
        }

        return Failed<int>(Errno.ENODATA);
    }

    public override ValueTask<Reply<int>> ListXattrAsync(RequestContext request, NodeId node, int capacity)
    {
        if (!_tree.TryGetInode(node.Value, out var inode))
            return Failed<int>(Errno.ESTALE);
        var list = _tree.XattrsOf(inode);
        var length = 0;
        foreach (var xattr in list)
            length += xattr.Name.Length + 1;
        if (capacity == 0)
            return new(length);
        if (length > capacity)
            return Failed<int>(Errno.ERANGE);
        var room = new Span<byte>(request.Scratch(length), length);
        // A second walk over bytes that may change must not trust the first one's sum.
        foreach (var xattr in list)
        {
            if (xattr.Name.Length >= room.Length)
                break;
            xattr.Name.CopyTo(room);
            room[xattr.Name.Length] = 0;
            room = room[(xattr.Name.Length + 1)..];
        }

        room.Clear();
        return new(length);
    }
}
