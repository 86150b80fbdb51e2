using VirtioFsStore.Backends.Overlay.Merge;

namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>
/// Gives the inodes of a merged image their positions, breadth first with each directory sorted by name: what one directory
/// lists lies together, and equal layers give equal trees.
/// </summary>
sealed class TreeNumbering
{
    readonly MergedImage _image;
    readonly uint[] _positions;

    public TreeNumbering(MergedImage image)
    {
        _image = image;
        _positions = new uint[image.Nodes.Count];
        Place(0);
        // The list grows while it is walked.
        for (var i = 0; i < Nodes.Count; i++)
            if (image.Nodes[Nodes[i]].IsDirectory)
                List(i);
    }

    /// <summary>Merged nodes by position − 1.</summary>
    public List<int> Nodes { get; } = [];

    /// <summary>By position − 1: of directories the first entry, the number of entries and the number of subdirectories.</summary>
    public List<(uint First, uint Count, uint Subdirectories)> Directories { get; } = [];

    /// <summary>Merged names, directory by directory.</summary>
    public List<int> Entries { get; } = [];

    public uint PositionOf(int node) => _positions[node];

    void Place(int node)
    {
        Nodes.Add(node);
        Directories.Add(default);
        _positions[node] = (uint)Nodes.Count;
    }

    void List(int directory)
    {
        var names = _image.Names;
        var first = Entries.Count;
        for (var name = _image.Nodes[Nodes[directory]].FirstChild; name >= 0; name = names[name].NextSibling)
            Entries.Add(name);
        var count = Entries.Count - first;
        Entries.Sort(first, count, Comparer<int>.Create((a, b) => names.TextOf(a).SequenceCompareTo(names.TextOf(b))));
        var subdirectories = 0u;
        for (var i = first; i < Entries.Count; i++)
        {
            var node = names[Entries[i]].Node;
            if (_image.Nodes[node].IsDirectory)
                subdirectories++;
            if (_positions[node] == 0)
                Place(node);
        }

        Directories[directory] = ((uint)first, (uint)count, subdirectories);
    }
}
