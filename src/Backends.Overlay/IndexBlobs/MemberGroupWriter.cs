using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.IndexBlobs;

/// <summary>Writes entries by columns, in groups: values of one kind beside each other are packed to less than half.</summary>
sealed class MemberGroupWriter
{
    readonly ColumnWriter[] _columns = [.. Enum.GetValues<EntryColumn>().Select(_ => new ColumnWriter())];
    readonly ColumnWriter _head = new();
    int _count;
    long _mtime;
    long _dataEnd;

    ColumnWriter this[EntryColumn column] => _columns[(int)column];

    /// <summary>Whether the group is to be written before another entry is added.</summary>
    public bool IsFull => _count == IndexBlobFormat.MaxGroupEntries || _columns.Sum(column => column.Length) >= IndexBlobFormat.GroupSize;

    /// <param name="entry">Of a layer index.</param>
    /// <param name="dataOffset">Where its data begins in the stream, if it has some.</param>
    public void Add(in LayerEntry entry, long? dataOffset)
    {
        var type = Type(entry.Type);
        this[EntryColumn.Type].Byte((byte)type);
        this[EntryColumn.Mode].Number(entry.Mode);
        this[EntryColumn.Uid].Number(entry.Uid);
        this[EntryColumn.Gid].Number(entry.Gid);
        this[EntryColumn.Mtime].Signed(unchecked(entry.MtimeSeconds - _mtime));
        _mtime = entry.MtimeSeconds;
        this[EntryColumn.Nanoseconds].Number(entry.MtimeNanoseconds);
        if (type is TarEntryType.CharacterDevice or TarEntryType.BlockDevice)
        {
            this[EntryColumn.Device].Number(entry.RdevMajor);
            this[EntryColumn.Device].Number(entry.RdevMinor);
        }

        Text(EntryColumn.PathLength, EntryColumn.Path, Whiteout.MemberPath(entry.Type, entry.Path));
        if (type is TarEntryType.Symlink or TarEntryType.HardLink) Text(EntryColumn.LinkLength, EntryColumn.Link, entry.Link);
        Text(EntryColumn.XattrLength, EntryColumn.Xattrs, entry.Xattrs.Encoded);
        if (type == TarEntryType.Regular) AddContent(entry, dataOffset);
        _count++;
    }

    /// <summary>Writes the group, if it has entries, and begins another.</summary>
    public void WriteTo(SectionWriter section)
    {
        if (_count == 0) return;
        _head.Clear();
        _head.Number(_count);
        foreach (var column in _columns) _head.Number(column.Length);
        section.Write(_head.Written);
        foreach (var column in _columns)
        {
            section.Write(column.Written);
            column.Clear();
        }

        (_count, _mtime) = (0, 0);
    }

    void AddContent(in LayerEntry entry, long? dataOffset)
    {
        this[EntryColumn.Size].Number(entry.Size);
        var length = entry.Size;
        if (entry.Sparse.IsEmpty)
        {
            this[EntryColumn.ExtentCount].Number(0);
        }
        else
        {
            length = AddExtents(entry.Sparse);
        }

        if (length == 0) return;
        this[EntryColumn.Gap].Number(dataOffset!.Value - _dataEnd);
        _dataEnd = dataOffset.Value + length;
    }

    long AddExtents(SparseMap map)
    {
        // An extent of length 0 stands for a file that is one hole.
        var count = map.Count == 1 && map[0].Length == 0 ? 0 : map.Count;
        this[EntryColumn.ExtentCount].Number(count + 1);
        long end = 0, total = 0;
        for (var i = 0; i < count; i++)
        {
            var (offset, length) = map[i];
            this[EntryColumn.Extents].Number(offset - end);
            this[EntryColumn.Extents].Number(length);
            end = offset + length;
            total += length;
        }

        return total;
    }

    void Text(EntryColumn length, EntryColumn bytes, ReadOnlySpan<byte> value)
    {
        this[length].Number(value.Length);
        this[bytes].Bytes(value);
    }

    static TarEntryType Type(LayerEntryType type) => type switch
    {
        LayerEntryType.Directory => TarEntryType.Directory,
        LayerEntryType.Symlink => TarEntryType.Symlink,
        LayerEntryType.HardLink => TarEntryType.HardLink,
        LayerEntryType.CharacterDevice => TarEntryType.CharacterDevice,
        LayerEntryType.BlockDevice => TarEntryType.BlockDevice,
        LayerEntryType.Fifo => TarEntryType.Fifo,
        _ => TarEntryType.Regular,
    };
}
