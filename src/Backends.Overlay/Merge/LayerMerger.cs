using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Merge;

/// <summary>
/// Merges layers by OCI's rules (image-spec, layer.md "Applying Changesets"), from the lowest up. For each layer: its
/// whiteouts and opaque marks first, so that they act on lower layers only wherever they stand in the tar; then its
/// entries in order, so that of two entries for a path the last wins. Nothing here touches a file system.
/// </summary>
sealed partial class LayerMerger
{
    const int Root = 0;
    const long PageSize = 4096;

    /// <summary>What a block of xattrs costs as a key beside its bytes.</summary>
    const int KeyOverhead = 64;

    readonly NameTable _names;
    readonly StructList<MergedNode> _nodes;
    readonly ByteHeap _links;
    readonly ByteHeap _xattrs;
    readonly ByteHeap _sparse;
    readonly MergeBudget _budget;
    readonly Dictionary<byte[], int> _knownXattrs = new(new SpanComparer());
    readonly List<MergedLayer> _layers = [];

    public LayerMerger(int maxNames = NameTable.MaxNames, MergeBudget? budget = null)
    {
        _budget = budget ?? new MergeBudget();
        _names = new NameTable(_budget, maxNames);
        _links = new ByteHeap("symlink targets", _budget);
        _xattrs = new ByteHeap("extended attributes", _budget);
        _sparse = new ByteHeap("maps of sparse files", _budget);
        _nodes = _names.Nodes;
        _xattrs.Add([0]);
        AddNode(new MergedNode { Mode = StatMode.Directory | MergePolicy.ImpliedDirectoryPermissions });
    }

    public void BeginLayer(MergedLayer layer)
    {
        if (_layers.Count == ushort.MaxValue)
            throw new ImageException($"the image has more than {ushort.MaxValue} layers");
        _layers.Add(layer);
        ForgetParent();
    }

    /// <summary>First pass over a layer: takes away what its whiteouts and opaque marks hide in lower layers. Other entries are passed over.</summary>
    public void Hide(in LayerEntry entry)
    {
        if (entry.Type == LayerEntryType.Opaque)
        {
            var directory = Walk(entry, entry.Path, create: false);
            if (directory >= 0)
                _names.RemoveChildren(directory);
        }
        else if (entry.Type == LayerEntryType.Whiteout)
        {
            if (entry.Path.IsEmpty)
                throw Refused(entry, "a whiteout of the root directory");
            var parent = Walk(entry, ParentOf(entry.Path), create: false);
            var name = parent < 0 ? -1 : _names.Find(parent, LastOf(entry.Path));
            if (name >= 0)
                _names.Remove(name);
        }
    }

    /// <summary>Second pass over a layer: puts an entry where it belongs. Whiteouts and opaque marks are passed over.</summary>
    public void Apply(in LayerEntry entry)
    {
        if (entry.Type is LayerEntryType.Whiteout or LayerEntryType.Opaque)
            return;
        if (entry.Path.IsEmpty)
        {
            if (entry.Type != LayerEntryType.Directory)
                throw Refused(entry, $"the root directory would be replaced by a {Describe(entry.Type)}");
            SetAttributes(entry, ref _nodes[Root]);
            return;
        }

        var parent = WalkToParent(entry);
        var text = LastOf(entry.Path);
        CheckComponent(entry, text);
        var name = _names.Find(parent, text);
        switch (entry.Type)
        {
            case LayerEntryType.HardLink:
                Link(entry, parent, text, name);
                return;
            case LayerEntryType.Directory when name >= 0 && _nodes[_names[name].Node].IsDirectory:
                SetAttributes(entry, ref _nodes[_names[name].Node]);
                return;
        }

        if (name >= 0)
            _names.Remove(name);
        _names.Add(parent, text, AddNode(ToNode(entry)));
    }

    public MergedImage Finish() => new(_names, _links, _xattrs, _sparse, _layers, _budget);

    static string Describe(LayerEntryType type) => type switch
    {
        LayerEntryType.Regular => "regular file",
        LayerEntryType.Symlink => "symbolic link",
        LayerEntryType.HardLink => "hard link",
        LayerEntryType.Fifo => "FIFO",
        LayerEntryType.Directory => "directory",
        _ => "device node",
    };

    int AddNode(in MergedNode node)
    {
        var index = _nodes.Add();
        ref var added = ref _nodes[index];
        added = node;
        added.FirstChild = added.OwnName = -1;
        return index;
    }

    /// <summary>link(2) as GNU tar does it: the entry's own attributes mean nothing, a link to itself changes nothing.</summary>
    void Link(in LayerEntry entry, int parent, ReadOnlySpan<byte> text, int existing)
    {
        var directory = Walk(entry, ParentOf(entry.Link), create: false);
        var target = directory < 0 || entry.Link.IsEmpty ? -1 : _names.Find(directory, LastOf(entry.Link));
        if (target < 0)
            throw Refused(entry, $"its target {PathText.FromRoot(entry.Link)} does not exist at that point");
        var node = _names[target].Node;
        if (_nodes[node].IsDirectory)
            throw Refused(entry, $"its target {PathText.FromRoot(entry.Link)} is a directory");
        if (existing >= 0)
        {
            if (_names[existing].Node == node)
                return;
            _names.Remove(existing);
            if (_nodes[node].NameCount == 0)
                throw Refused(entry, $"it would replace the directory that holds its target {PathText.FromRoot(entry.Link)}");
        }

        _names.Add(parent, text, node);
    }

    MergedNode ToNode(in LayerEntry entry)
    {
        var node = default(MergedNode);
        SetAttributes(entry, ref node);
        switch (entry.Type)
        {
            case LayerEntryType.Regular:
                SetContent(entry, ref node);
                break;
            case LayerEntryType.Symlink:
                if (entry.Link.Length is 0 or > 4095)
                    throw Refused(entry, $"its target has {entry.Link.Length} bytes; 1 to 4095 are possible");
                node.Link = _links.Add(entry.Link);
                node.Size = entry.Link.Length;
                break;
            case LayerEntryType.CharacterDevice or LayerEntryType.BlockDevice:
                node.DeviceMajor = entry.RdevMajor;
                node.DeviceMinor = entry.RdevMinor;
                break;
        }

        return node;
    }

    void SetAttributes(in LayerEntry entry, ref MergedNode node)
    {
        if (entry.MtimeNanoseconds > 999_999_999)
            throw Refused(entry, $"its time has {entry.MtimeNanoseconds} nanoseconds; the layer index is damaged");
        node.Layer = _layers.Count - 1;
        node.Mode = TypeBits(entry) | (entry.Type == LayerEntryType.Symlink ? 0x1ff : entry.Mode & StatMode.PermissionMask);
        node.Uid = entry.Uid;
        node.Gid = entry.Gid;
        node.MtimeSeconds = entry.MtimeSeconds;
        node.MtimeNanoseconds = entry.MtimeNanoseconds;
        node.Xattrs = node.XattrsLength = 0;
        var encoded = entry.Xattrs.Encoded;
        if (encoded.IsEmpty)
            return;
        // Labels repeat on every file of an image: equal blocks are kept once.
        var known = _knownXattrs.GetAlternateLookup<ReadOnlySpan<byte>>();
        if (!known.TryGetValue(encoded, out node.Xattrs))
        {
            _budget.Take(encoded.Length + KeyOverhead);
            node.Xattrs = _xattrs.Add(encoded);
            known[encoded] = node.Xattrs;
        }

        node.XattrsLength = encoded.Length;
    }

    void SetContent(in LayerEntry entry, ref MergedNode node)
    {
        var layer = _layers[^1];
        var end = entry.DataOffset + entry.Size;
        if (entry.Size < 0 || entry.DataOffset < 0 || end < 0 || end > layer.DataSize || (entry.DataOffset & (PageSize - 1)) != 0)
            throw Refused(entry, $"its content ({entry.Size} bytes at {entry.DataOffset}) is outside the layer's data; the layer index is damaged");
        if (entry.Allocated < 0 || entry.Allocated > (entry.Size + PageSize - 1) / PageSize * PageSize || entry.Allocated / PageSize > uint.MaxValue)
            throw Refused(entry, $"{entry.Allocated} bytes are said to hold its {entry.Size}; the layer index is damaged");
        if (entry.PieceCount < 0 || entry.FirstPiece < 0 || entry.FirstPiece + entry.PieceCount > Math.Min(layer.PieceCount, int.MaxValue))
            throw Refused(entry, $"its pieces ({entry.PieceCount} from {entry.FirstPiece}) are outside the layer's {layer.PieceCount}; the layer index is damaged");
        node.Size = entry.Size;
        node.DataOffset = entry.DataOffset;
        node.Allocated = entry.Allocated;
        node.FirstPiece = (int)entry.FirstPiece;
        node.PieceCount = entry.PieceCount;
        if (entry.Sparse.IsEmpty)
            return;
        node.Sparse = _sparse.Add(entry.Sparse.Encoded);
        node.SparseLength = entry.Sparse.Encoded.Length;
    }

    uint TypeBits(in LayerEntry entry) => entry.Type switch
    {
        LayerEntryType.Directory => StatMode.Directory,
        LayerEntryType.Regular => StatMode.Regular,
        LayerEntryType.Symlink => StatMode.SymbolicLink,
        LayerEntryType.CharacterDevice => StatMode.CharacterDevice,
        LayerEntryType.BlockDevice => StatMode.BlockDevice,
        LayerEntryType.Fifo => StatMode.Fifo,
        _ => throw Refused(entry, $"its type {(int)entry.Type} is unknown; the layer index is damaged"),
    };

    ImageException Refused(in LayerEntry entry, string why) => new(
        $"layer {_layers.Count} ({_layers[^1].Name}): entry {PathText.FromRoot(entry.Path)} cannot be applied: {why}");
}
