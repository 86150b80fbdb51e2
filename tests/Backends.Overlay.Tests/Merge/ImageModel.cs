using VirtioFsStore.Backends.Overlay.Layers;

namespace VirtioFsStore.Backends.Overlay.Tests.Merge;

/// <summary>The rules of merging in the simplest form: a dictionary of paths. No symlinks in the middle of paths.</summary>
sealed class ImageModel
{
    readonly SortedDictionary<string, Node> _nodes = new(StringComparer.Ordinal) { [""] = new Node { Entry = new TestEntry(LayerEntryType.Directory, "") { Mode = 0x1ed } } };

    public sealed class Node
    {
        public required TestEntry Entry { get; set; }

        public string Content { get; init; } = "";

        public bool IsDirectory => Entry.Type == LayerEntryType.Directory;
    }

    public IReadOnlyDictionary<string, Node> Nodes => _nodes;

    public static string ParentOf(string path) => path.LastIndexOf('/') is >= 0 and var slash ? path[..slash] : "";

    public void Hide(TestEntry entry)
    {
        if (entry.Type == LayerEntryType.Whiteout)
            _nodes.Remove(entry.Path);
        foreach (var path in Below(entry.Path))
            _nodes.Remove(path);
    }

    /// <summary>Whether an entry can be applied: all that is on its way is a directory or missing.</summary>
    public bool Allows(string path)
    {
        for (var parent = ParentOf(path); parent.Length > 0; parent = ParentOf(parent))
            if (_nodes.TryGetValue(parent, out var node) && !node.IsDirectory)
                return false;
        return true;
    }

    public void Apply(TestEntry entry, string content)
    {
        for (var parent = ParentOf(entry.Path); parent.Length > 0; parent = ParentOf(parent))
            _nodes.TryAdd(parent, new Node { Entry = new TestEntry(LayerEntryType.Directory, parent) { Mode = 0x1ed } });
        if (entry.Type == LayerEntryType.Directory && _nodes.TryGetValue(entry.Path, out var existing) && existing.IsDirectory)
        {
            existing.Entry = entry;
            return;
        }

        var node = entry.Type == LayerEntryType.HardLink ? _nodes[entry.Link] : new Node { Entry = entry, Content = content };
        foreach (var path in Below(entry.Path))
            _nodes.Remove(path);
        _nodes[entry.Path] = node;
    }

    List<string> Below(string path) => [.. _nodes.Keys.Where(key => key.Length > 0 && (path.Length == 0 || key.StartsWith(path + "/", StringComparison.Ordinal)))];
}
