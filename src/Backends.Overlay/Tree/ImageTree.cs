using System.Runtime.CompilerServices;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>
/// A tree file, mapped read-only and shared by all that serve the image. The file is never truncated while it is in use;
/// its bytes may be damaged at any time, so every record is copied before it is looked at, and every offset in it is
/// checked against section lengths that were read once. Nothing here allocates or throws after opening. Thread-safe.
/// </summary>
sealed unsafe partial class ImageTree : IDisposable
{
    readonly byte* _base;
    readonly nuint _size;
    readonly NameHash _hash;
    readonly uint _slotMask;
    readonly byte* _inodes;
    readonly SlotRecord* _slots;
    readonly EntryRecord* _entries;
    readonly byte* _names;
    readonly ulong _namesLength;
    readonly byte* _links;
    readonly ulong _linksLength;
    readonly byte* _xattrs;
    readonly ulong _xattrsLength;
    readonly byte* _maps;
    readonly ulong _mapsLength;
    bool _disposed;

    ImageTree(byte* start, nuint size, in TreeHeader header, TreeLayer[] layers)
    {
        _base = start;
        _size = size;
        _hash = new NameHash(header.HashFirst, header.HashSecond);
        _slotMask = header.SlotCount - 1;
        InodeCount = header.InodeCount;
        EntryCount = header.EntryCount;
        TotalSize = header.TotalSize;
        TotalPages = header.TotalPages;
        _inodes = start + header.Sections[(int)TreeSectionKind.Inodes].Offset;
        _slots = (SlotRecord*)(start + header.Sections[(int)TreeSectionKind.Slots].Offset);
        _entries = (EntryRecord*)(start + header.Sections[(int)TreeSectionKind.Entries].Offset);
        _names = start + header.Sections[(int)TreeSectionKind.Names].Offset;
        _namesLength = header.Sections[(int)TreeSectionKind.Names].Length;
        _links = start + header.Sections[(int)TreeSectionKind.Links].Offset;
        _linksLength = header.Sections[(int)TreeSectionKind.Links].Length;
        _xattrs = start + header.Sections[(int)TreeSectionKind.Xattrs].Offset;
        _xattrsLength = header.Sections[(int)TreeSectionKind.Xattrs].Length;
        _maps = start + header.Sections[(int)TreeSectionKind.Maps].Offset;
        _mapsLength = header.Sections[(int)TreeSectionKind.Maps].Length;
        Layers = layers;
    }

    ~ImageTree() => Unmap();

    public uint InodeCount { get; }

    public uint EntryCount { get; }

    /// <summary>Bytes: as <see cref="TreeHeader.TotalSize"/>.</summary>
    public ulong TotalSize { get; }

    /// <summary>As <see cref="TreeHeader.TotalPages"/>.</summary>
    public ulong TotalPages { get; }

    /// <summary>Whether any inode has extended attributes.</summary>
    public bool HasXattrs => _xattrsLength > TreeFormat.ReferenceUnit;

    /// <summary>Of the file, in bytes.</summary>
    public long FileSize => (long)_size;

    public IReadOnlyList<TreeLayer> Layers { get; }

    /// <summary>Copies the inode at a position out; false where there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGetInode(ulong position, out InodeRecord inode)
    {
        var index = position - 1;
        if (index >= InodeCount)
        {
            inode = default;
            return false;
        }

        inode = ((InodeRecord*)_inodes)[index];
        return true;
    }

    /// <summary>The position that a name in a directory leads to, or 0.</summary>
    public uint Find(ulong position, in InodeRecord directory, ReadOnlySpan<byte> name)
    {
        var hash = _hash.Of((uint)position, name);
        var at = hash & _slotMask;
        for (var probes = 0u; probes <= _slotMask; probes++, at = (at + 1) & _slotMask)
        {
            var slot = _slots[at];
            if (slot.EntryPlusOne == 0)
                return 0;
            // An equal hash in another directory: its entries lie elsewhere.
            var index = slot.EntryPlusOne - 1;
            if (slot.Hash != hash || index - directory.FirstEntry >= directory.EntryCount || index >= EntryCount)
                continue;
            var entry = _entries[index];
            if (entry.NameLength == name.Length && TryGetName(entry, out var found) && found.SequenceEqual(name))
                return entry.Node;
        }

        return 0;
    }

    /// <summary>Entry <paramref name="index"/> of a directory; false after the last, and where the tree is damaged.</summary>
    public bool TryGetEntry(in InodeRecord directory, uint index, out EntryRecord entry, out ReadOnlySpan<byte> name)
    {
        var at = (ulong)directory.FirstEntry + index;
        if (index >= directory.EntryCount || at >= EntryCount)
        {
            entry = default;
            name = default;
            return false;
        }

        entry = _entries[at];
        return TryGetName(entry, out name);
    }

    /// <summary>A symlink's target; empty where the tree is damaged.</summary>
    public ReadOnlySpan<byte> LinkOf(in InodeRecord inode)
    {
        var (offset, length) = (inode.Location, inode.Size);
        return offset <= _linksLength && length <= 4095 && length <= _linksLength - offset
            ? new ReadOnlySpan<byte>(_links + offset, (int)length)
            : default;
    }

    public XattrList XattrsOf(in InodeRecord inode)
    {
        if (inode.Xattrs == 0)
            return default;
        var offset = (ulong)inode.Xattrs * TreeFormat.ReferenceUnit;
        if (offset + 8 > _xattrsLength)
            return default;
        var length = Unsafe.ReadUnaligned<uint>(_xattrs + offset);
        return length <= _xattrsLength - offset - 8 && length <= int.MaxValue
            ? new XattrList(new ReadOnlySpan<byte>(_xattrs + offset + 8, (int)length))
            : default;
    }

    /// <summary>False where the tree is damaged.</summary>
    public bool TryGetMap(in InodeRecord inode, out FileMap map)
    {
        map = FileMap.None;
        if (inode.Map == 0)
            return inode.PieceCount <= 1;
        var offset = (ulong)inode.Map * TreeFormat.ReferenceUnit;
        if (offset + 8 > _mapsLength)
            return false;
        var extents = Unsafe.ReadUnaligned<uint>(_maps + offset);
        var pieces = Unsafe.ReadUnaligned<uint>(_maps + offset + 4);
        if ((16UL * extents) + (8UL * pieces) > _mapsLength - offset - 8 || (inode.PieceCount > 1 && pieces != inode.PieceCount))
            return false;
        // At most the section's length, which is below 2 GiB: the counts fit into int.
        var start = (ulong*)(_maps + offset + 8);
        map = new FileMap(new ReadOnlySpan<ulong>(start, 2 * (int)extents), new ReadOnlySpan<ulong>(start + (2 * extents), (int)pieces));
        return true;
    }

    public void Dispose()
    {
        Unmap();
        GC.SuppressFinalize(this);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    bool TryGetName(scoped in EntryRecord entry, out ReadOnlySpan<byte> name)
    {
        if (entry.NameLength == 0 || (ulong)entry.NameOffset + entry.NameLength > _namesLength)
        {
            name = default;
            return false;
        }

        name = new ReadOnlySpan<byte>(_names + entry.NameOffset, entry.NameLength);
        return true;
    }

    void Unmap()
    {
        if (_disposed)
            return;
        _disposed = true;
        _ = MemoryMaps.Unmap(_base, _size);
    }
}
