using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Merge;

/// <summary>
/// Paths to directories. A component that is a symlink is followed inside the image, as containerd and umoci do while
/// they unpack: "/" is the image's root, ".." stops there. Directories that are missing are made where a directory is
/// needed. A component that is anything else is an error, as it is for those tools.
/// </summary>
sealed partial class LayerMerger
{
    byte[] _lastParent = new byte[256];
    int _lastParentLength = -1;
    int _lastParentNode;
    int _lastParentRemovals;

    static ReadOnlySpan<byte> ParentOf(ReadOnlySpan<byte> path) => path[..Math.Max(path.LastIndexOf((byte)'/'), 0)];

    static ReadOnlySpan<byte> LastOf(ReadOnlySpan<byte> path) => path[(path.LastIndexOf((byte)'/') + 1)..];

    void ForgetParent() => _lastParentLength = -1;

    /// <summary>The directory an entry belongs in. The last answer is kept: a tar lists directories file by file.</summary>
    int WalkToParent(in LayerEntry entry)
    {
        var path = ParentOf(entry.Path);
        if (_lastParentRemovals == _names.Removals && _lastParentLength == path.Length && path.SequenceEqual(_lastParent.AsSpan(0, path.Length)))
            return _lastParentNode;
        var node = Walk(entry, path, create: true);
        if (path.Length > _lastParent.Length)
            _lastParent = new byte[Math.Max(path.Length, 4096)];
        path.CopyTo(_lastParent);
        _lastParentLength = path.Length;
        _lastParentNode = node;
        _lastParentRemovals = _names.Removals;
        return node;
    }

    /// <summary>The directory at <paramref name="path"/>; −1 if there is none and none is to be made.</summary>
    int Walk(in LayerEntry entry, ReadOnlySpan<byte> path, bool create)
    {
        var links = 0;
        return WalkFrom(entry, Root, path, create, ref links);
    }

    int WalkFrom(in LayerEntry entry, int directory, ReadOnlySpan<byte> path, bool create, ref int links)
    {
        while (!path.IsEmpty && directory >= 0)
        {
            var slash = path.IndexOf((byte)'/');
            var component = slash < 0 ? path : path[..slash];
            path = slash < 0 ? default : path[(slash + 1)..];
            directory = Step(entry, directory, component, create, ref links);
        }

        return directory;
    }

    int Step(in LayerEntry entry, int directory, ReadOnlySpan<byte> component, bool create, ref int links)
    {
        // Only symlink targets can hold these; the reader of layers has cleaned entries' own paths.
        if (component is [] or [(byte)'.'])
            return directory;
        if (component is [(byte)'.', (byte)'.'])
            return _nodes[directory].OwnName < 0 ? Root : _names[_nodes[directory].OwnName].Parent;
        var name = _names.Find(directory, component);
        if (name < 0)
        {
            if (!create)
                return -1;
            CheckComponent(entry, component);
            return Imply(directory, component);
        }

        var node = _names[name].Node;
        ref var found = ref _nodes[node];
        if (found.IsDirectory)
            return node;
        if (found.IsSymbolicLink)
        {
            if (++links > MergePolicy.MaxSymbolicLinks)
                return create ? throw Refused(entry, $"more than {MergePolicy.MaxSymbolicLinks} symbolic links lead there") : -1;
            var target = _links.Get(found.Link, (int)found.Size);
            return WalkFrom(entry, target[0] == (byte)'/' ? Root : directory, target, create, ref links);
        }

        return create
            ? throw Refused(entry, $"'{PathText.Of(component)}' in its path is not a directory")
            : -1;
    }

    int Imply(int parent, ReadOnlySpan<byte> text)
    {
        var node = AddNode(new MergedNode
        {
            Mode = StatMode.Directory | MergePolicy.ImpliedDirectoryPermissions,
            Layer = _layers.Count - 1,
        });
        _names.Add(parent, text, node);
        return node;
    }

    void CheckComponent(in LayerEntry entry, ReadOnlySpan<byte> component)
    {
        if (component.Length is 0 or > 255)
            throw Refused(entry, $"a name in its path has {component.Length} bytes; 1 to 255 are possible");
        if (component is [(byte)'.'] or [(byte)'.', (byte)'.'] || component.Contains((byte)0) || component.Contains((byte)'/'))
            throw Refused(entry, $"'{PathText.Of(component)}' cannot be a name");
    }
}
