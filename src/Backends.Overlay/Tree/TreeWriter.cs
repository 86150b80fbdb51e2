using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Merge;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>Lays a merged image out as a tree file.</summary>
sealed class TreeWriter
{
    const ulong PageSize = 4096;

    readonly MergedImage _image;
    readonly TreeKey _key;
    readonly Func<int, long, int, IEnumerable<Piece>> _pieces;
    readonly TreeNumbering _numbering;
    readonly UnitHeap _xattrs;
    readonly UnitHeap _maps;
    readonly Dictionary<int, uint> _xattrReferences = [];
    readonly InodeRecord[] _inodes;
    ulong _nameBytes;
    ulong _linkBytes;
    ulong _totalSize;
    ulong _totalPages;

    /// <param name="image">From a <see cref="LayerMerger"/>.</param>
    /// <param name="key">Names the same layers.</param>
    /// <param name="pieces">Reads pieces of a layer, by its index: first and count.</param>
    public TreeWriter(MergedImage image, TreeKey key, Func<int, long, int, IEnumerable<Piece>> pieces)
    {
        _image = image;
        _key = key;
        _pieces = pieces;
        _xattrs = new UnitHeap("extended attributes", image.Budget);
        _maps = new UnitHeap("maps of files", image.Budget);
        _numbering = new TreeNumbering(image);
        image.Budget.Take((long)_numbering.Nodes.Count * Unsafe.SizeOf<InodeRecord>());
        _inodes = new InodeRecord[_numbering.Nodes.Count];
        for (var i = 0; i < _inodes.Length; i++)
            _inodes[i] = ToRecord(i);
        SetParents();
        foreach (var name in _numbering.Entries)
            _nameBytes += (ulong)_image.Names[name].NameLength;
        if (_nameBytes > uint.MaxValue)
            throw new ImageException($"the image is too large: its names take {_nameBytes} bytes");
    }

    /// <summary>Writes the tree from the start of <paramref name="file"/>, which is empty and seekable; syncing is the caller's.</summary>
    public void Write(Stream file)
    {
        var slots = HashNames();
        var header = new TreeHeader
        {
            Magic = TreeFormat.Magic,
            Version = TreeFormat.Version,
            MergePolicy = MergePolicy.Version,
            InodeCount = (uint)_inodes.Length,
            EntryCount = (uint)_numbering.Entries.Count,
            SlotCount = (uint)slots.Length,
            LayerCount = (uint)_image.Layers.Count,
            TotalSize = _totalSize,
            TotalPages = _totalPages,
            HashFirst = _key.ToNameHash().First,
            HashSecond = _key.ToNameHash().Second,
            Key = _key.Value,
        };
        Place(ref header);
        using var sink = new TreeSink(file);
        sink.Write(header);
        Begin(sink, header, TreeSectionKind.Layers);
        WriteLayers(sink);
        Begin(sink, header, TreeSectionKind.Inodes);
        foreach (ref readonly var inode in _inodes.AsSpan())
            sink.Write(inode);
        Begin(sink, header, TreeSectionKind.Slots);
        foreach (ref readonly var slot in slots.AsSpan())
            sink.Write(slot);
        Begin(sink, header, TreeSectionKind.Entries);
        WriteEntries(sink);
        Begin(sink, header, TreeSectionKind.Names);
        foreach (var name in _numbering.Entries)
            sink.Write(_image.Names.TextOf(name));
        Begin(sink, header, TreeSectionKind.Links);
        foreach (var node in _numbering.Nodes)
            if (_image.Nodes[node].IsSymbolicLink)
                sink.Write(_image.LinkOf(_image.Nodes[node]));
        Begin(sink, header, TreeSectionKind.Xattrs);
        sink.Write(_xattrs.All);
        Begin(sink, header, TreeSectionKind.Maps);
        sink.Write(_maps.All);
        sink.PadTo(header.FileSize);
        header.Digest = sink.Finish();
        file.Position = 0;
        file.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(new ReadOnlySpan<TreeHeader>(in header)));
    }

    static void Begin(TreeSink sink, in TreeHeader header, TreeSectionKind section) => sink.PadTo(header.Sections[(int)section].Offset);

    void Place(ref TreeHeader header)
    {
        ReadOnlySpan<ulong> lengths =
        [
            (ulong)_image.Layers.Count * (ulong)Unsafe.SizeOf<LayerRecord>(),
            (ulong)_inodes.Length * (ulong)Unsafe.SizeOf<InodeRecord>(),
            (ulong)header.SlotCount * (ulong)Unsafe.SizeOf<SlotRecord>(),
            (ulong)_numbering.Entries.Count * (ulong)Unsafe.SizeOf<EntryRecord>(),
            _nameBytes,
            _linkBytes,
            (ulong)_xattrs.All.Length,
            (ulong)_maps.All.Length,
        ];
        var offset = (ulong)TreeFormat.HeaderSize;
        for (var i = 0; i < lengths.Length; i++)
        {
            header.Sections[i] = new TreeSection { Offset = offset, Length = lengths[i] };
            offset = Align(offset + lengths[i]);
        }

        header.FileSize = offset;
    }

    static ulong Align(ulong offset) => (offset + TreeFormat.Alignment - 1) & ~(ulong)(TreeFormat.Alignment - 1);

    InodeRecord ToRecord(int index)
    {
        ref var node = ref _image.Nodes[_numbering.Nodes[index]];
        var record = new InodeRecord
        {
            Uid = node.Uid,
            Gid = node.Gid,
            MtimeSeconds = node.MtimeSeconds,
            MtimeNanoseconds = node.MtimeNanoseconds,
            LinkCount = (uint)node.NameCount,
            Mode = (ushort)node.Mode,
            Xattrs = AddXattrs(node),
        };
        switch (node.Mode & StatMode.TypeMask)
        {
            case StatMode.Directory:
                var (first, count, subdirectories) = _numbering.Directories[index];
                record.Location = InodeRecord.Halves(count, first);
                record.LinkCount = 2 + subdirectories;
                break;
            case StatMode.Regular:
                SetContent(node, ref record);
                break;
            case StatMode.SymbolicLink:
                record.Size = (ulong)node.Size;
                record.Location = _linkBytes;
                _linkBytes += record.Size;
                _totalSize += record.Size;
                break;
            case StatMode.CharacterDevice or StatMode.BlockDevice:
                record.Location = InodeRecord.Halves(node.DeviceMajor, node.DeviceMinor);
                break;
        }

        return record;
    }

    void SetContent(in MergedNode node, ref InodeRecord record)
    {
        var pages = ((ulong)node.Allocated + PageSize - 1) / PageSize;
        record.Size = (ulong)node.Size;
        record.Location = (ulong)node.DataOffset;
        record.Pages = checked((uint)pages);
        record.Layer = (ushort)node.Layer;
        record.FirstPieceOrParent = (uint)node.FirstPiece;
        record.PieceCount = (uint)node.PieceCount;
        if (node.PieceCount > 1 || node.SparseLength > 0)
            record.Map = AddMap(node);
        _totalSize += record.Size;
        _totalPages += pages;
    }

    uint AddXattrs(in MergedNode node)
    {
        if (node.XattrsLength == 0)
            return 0;
        if (_xattrReferences.TryGetValue(node.Xattrs, out var reference))
            return reference;
        var encoded = _image.XattrsOf(node);
        var whole = 0;
        foreach (var xattr in new XattrList(encoded))
        {
            whole += XattrList.HeaderSize + xattr.Name.Length + xattr.Value.Length;
            if (xattr.Name.Length is 0 or > 255 || xattr.Name.Contains((byte)0))
                throw Damaged(node, $"has an extended attribute named '{PathText.Of(xattr.Name)}'");
        }

        if (whole != encoded.Length)
            throw Damaged(node, "has a block of extended attributes that is not whole");
        var room = _xattrs.Reserve(8 + encoded.Length, out reference);
        BinaryPrimitives.WriteInt32LittleEndian(room, encoded.Length);
        encoded.CopyTo(room[8..]);
        _xattrReferences.Add(node.Xattrs, reference);
        return reference;
    }

    /// <summary>u32 number of extents, u32 number of pieces, the extents (offset and length), where each piece begins: all relative to the file.</summary>
    uint AddMap(in MergedNode node)
    {
        var extents = new SparseMap(_image.SparseOf(node));
        var pieces = node.PieceCount > 1 ? node.PieceCount : 0;
        var room = _maps.Reserve(8 + (16L * extents.Count) + (8L * pieces), out var reference);
        BinaryPrimitives.WriteInt32LittleEndian(room, extents.Count);
        BinaryPrimitives.WriteInt32LittleEndian(room[4..], pieces);
        room = room[8..];
        var end = -1L;
        for (var i = 0; i < extents.Count; i++, room = room[16..])
        {
            var (offset, length) = extents[i];
            if (offset < 0 || length < 0 || offset <= end || offset > node.Size || length > node.Size - offset)
                throw Damaged(node, $"has an extent of {length} bytes at {offset}, out of order or outside the file");
            end = offset + length;
            BinaryPrimitives.WriteInt64LittleEndian(room, offset);
            BinaryPrimitives.WriteInt64LittleEndian(room[8..], length);
        }

        if (pieces == 0)
            return reference;
        var previous = -1L;
        var found = 0;
        foreach (var piece in _pieces(node.Layer, node.FirstPiece, pieces))
        {
            var start = piece.DataOffset - node.DataOffset;
            if (start <= previous || start >= node.Size || piece.Id != node.FirstPiece + found++)
                throw Damaged(node, $"has piece {piece.Id} at {start}, out of order or outside the file");
            previous = start;
            BinaryPrimitives.WriteInt64LittleEndian(room, start);
            room = room[8..];
        }

        return found == pieces ? reference : throw Damaged(node, $"has {found} pieces instead of {pieces}");
    }

    void SetParents()
    {
        _inodes[0].FirstPieceOrParent = TreeFormat.Root;
        foreach (var name in _numbering.Entries)
        {
            ref var merged = ref _image.Names[name];
            if (_image.Nodes[merged.Node].IsDirectory)
                _inodes[_numbering.PositionOf(merged.Node) - 1].FirstPieceOrParent = _numbering.PositionOf(merged.Parent);
        }
    }

    SlotRecord[] HashNames()
    {
        var count = BitOperations.RoundUpToPowerOf2(Math.Max(2 * (uint)_numbering.Entries.Count, 16));
        _image.Budget.Take((long)count * Unsafe.SizeOf<SlotRecord>());
        var slots = new SlotRecord[count];
        var hash = _key.ToNameHash();
        for (var i = 0; i < _numbering.Entries.Count; i++)
        {
            var name = _numbering.Entries[i];
            var value = hash.Of(_numbering.PositionOf(_image.Names[name].Parent), _image.Names.TextOf(name));
            var at = value & (uint)(slots.Length - 1);
            while (slots[at].EntryPlusOne != 0)
                at = (at + 1) & (uint)(slots.Length - 1);
            slots[at] = new SlotRecord { Hash = value, EntryPlusOne = (uint)i + 1 };
        }

        return slots;
    }

    void WriteLayers(TreeSink sink)
    {
        for (var i = 0; i < _image.Layers.Count; i++)
        {
            var digest = Convert.FromHexString(_key.Layers[i].Blob.Hex);
            var record = new LayerRecord
            {
                DataSize = (ulong)_image.Layers[i].DataSize,
                PieceCount = (ulong)_image.Layers[i].PieceCount,
                DigestLength = (uint)digest.Length,
            };
            digest.CopyTo(record.Digest);
            sink.Write(record);
        }
    }

    void WriteEntries(TreeSink sink)
    {
        var offset = 0u;
        foreach (var name in _numbering.Entries)
        {
            ref var merged = ref _image.Names[name];
            sink.Write(new EntryRecord
            {
                Node = _numbering.PositionOf(merged.Node),
                NameOffset = offset,
                NameLength = (byte)merged.NameLength,
                Type = (byte)StatMode.ToDirectoryEntryType(_image.Nodes[merged.Node].Mode),
            });
            offset += (uint)merged.NameLength;
        }
    }

    ImageException Damaged(in MergedNode node, string what) =>
        new($"layer {node.Layer + 1} ({_image.Layers[node.Layer].Name}): a file {what}; the layer index is damaged: delete its folder and it is built again");
}
