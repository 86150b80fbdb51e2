using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.IndexBlobs;

/// <summary>Reads groups of entries as <see cref="MemberGroupWriter"/> writes them. What comes out is possible, value by value; what it is in
/// an image is for a <see cref="LayerEntryWriter"/>.</summary>
sealed class MemberGroupReader(SectionReader section)
{
    readonly ColumnReader[] _columns = new ColumnReader[Enum.GetValues<EntryColumn>().Length];
    byte[] _group = [];
    long _left;
    long _mtime;
    long _dataEnd;

    /// <summary>Whether the next entry is the first of a group.</summary>
    public bool IsAtGroup => _left == 0;

    ref ColumnReader this[EntryColumn column] => ref _columns[(int)column];

    /// <summary>The next entry, valid until the next call.</summary>
    /// <param name="entry">Gets its values.</param>
    /// <exception cref="LayerImportException">The group is damaged.</exception>
    /// <exception cref="TarException">A value is impossible.</exception>
    public IndexedMember Read(TarEntry entry)
    {
        if (_left == 0) ReadGroup();
        _left--;
        var type = this[EntryColumn.Type].Byte();
        entry.Type = type <= (byte)TarEntryType.Fifo ? (TarEntryType)type : throw new LayerImportException($"an entry has the type {type}");
        entry.Mode = this[EntryColumn.Mode].UInt32();
        entry.Uid = this[EntryColumn.Uid].UInt32();
        entry.Gid = this[EntryColumn.Gid].UInt32();
        entry.MtimeSeconds = _mtime = unchecked(_mtime + this[EntryColumn.Mtime].Signed());
        entry.MtimeNanoseconds = this[EntryColumn.Nanoseconds].UInt32();
        entry.DeviceMajor = entry.DeviceMinor = 0;
        if (entry.Type is TarEntryType.CharacterDevice or TarEntryType.BlockDevice)
        {
            entry.DeviceMajor = this[EntryColumn.Device].UInt32();
            entry.DeviceMinor = this[EntryColumn.Device].UInt32();
        }

        entry.Path = Text(EntryColumn.PathLength, EntryColumn.Path).ToArray();
        entry.Link = entry.Type is TarEntryType.Symlink or TarEntryType.HardLink ? Text(EntryColumn.LinkLength, EntryColumn.Link).ToArray() : [];
        ReadXattrs(entry);
        (entry.Size, entry.Extents) = (0, null);
        var length = entry.Type == TarEntryType.Regular ? ReadContent(entry) : 0;
        TarEntryRules.Check(entry);
        if (_left == 0) CheckColumnsEnd();
        if (length == 0) return new IndexedMember(entry, 0, 0);
        var gap = this[EntryColumn.Gap].Number();
        if (_left == 0 && !this[EntryColumn.Gap].AtEnd) throw Surplus();
        // Sizes are bounded, so that only a gap could lead past 63 bits.
        if (gap > long.MaxValue - _dataEnd - length) throw new LayerImportException("a file's data lies beyond all streams");
        var offset = _dataEnd + gap;
        _dataEnd = offset + length;
        return new IndexedMember(entry, offset, length);
    }

    /// <exception cref="LayerImportException">There are more entries.</exception>
    public void Complete()
    {
        if (_left > 0) throw Surplus();
    }

    void ReadGroup()
    {
        _mtime = 0;
        _left = section.Number();
        if (_left is 0 or > IndexBlobFormat.MaxGroupEntries) throw new LayerImportException($"a group of {_left} entries is impossible");
        var lengths = new long[_columns.Length];
        var total = 0L;
        foreach (ref var length in lengths.AsSpan())
        {
            length = section.Number();
            if (length > IndexBlobFormat.MaxGroupSize || (total += length) > IndexBlobFormat.MaxGroupSize)
                throw new LayerImportException($"a group of entries has more than {IndexBlobFormat.MaxGroupSize} bytes");
        }

        if (total > section.Left) throw new LayerImportException("a group of entries ends too early");
        if (_group.Length < total) _group = new byte[total];
        section.Read(_group.AsSpan(0, (int)total));
        var start = 0;
        for (var i = 0; i < lengths.Length; i++)
        {
            _columns[i] = new ColumnReader(_group.AsMemory(start, (int)lengths[i]));
            start += (int)lengths[i];
        }
    }

    /// <summary>All but <see cref="EntryColumn.Gap"/>, which is read last.</summary>
    void CheckColumnsEnd()
    {
        for (var column = EntryColumn.Type; column < EntryColumn.Gap; column++)
            if (!this[column].AtEnd)
                throw Surplus();
    }

    void ReadXattrs(TarEntry entry)
    {
        entry.Xattrs.Clear();
        var encoded = Text(EntryColumn.XattrLength, EntryColumn.Xattrs);
        var length = 0;
        foreach (var xattr in new XattrList(encoded.Span))
        {
            entry.Xattrs.Add(new(xattr.Name.ToArray(), xattr.Value.ToArray()));
            length += XattrList.HeaderSize + xattr.Name.Length + xattr.Value.Length;
        }

        if (length != encoded.Length) throw new LayerImportException("a block of extended attributes is damaged");
    }

    /// <returns>Bytes of data in the stream.</returns>
    long ReadContent(TarEntry entry)
    {
        entry.Size = this[EntryColumn.Size].Number();
        if (entry.Size > TarParser.MaxFileSize) throw new LayerImportException($"a file has {entry.Size} bytes, more than the {TarParser.MaxFileSize} that a file can have");
        var count = this[EntryColumn.ExtentCount].Number() - 1;
        if (count < 0) return entry.Size;
        if (count > TarSparse.MaxExtents) throw TarSparse.TooMany();
        var map = new List<TarExtent>();
        long end = 0, total = 0;
        for (var i = 0; i < count; i++)
        {
            var hole = this[EntryColumn.Extents].Number();
            var length = this[EntryColumn.Extents].Number();
            if (hole > entry.Size - end || length > entry.Size - end - hole) throw new LayerImportException("a sparse map leaves its file");
            map.Add(new TarExtent(end + hole, length));
            end += hole + length;
            total += length;
        }

        entry.Extents = TarSparse.Check(map, entry.Size, total);
        return total;
    }

    ReadOnlyMemory<byte> Text(EntryColumn length, EntryColumn bytes) => this[bytes].Bytes(this[length].Number());

    static LayerImportException Surplus() => new("a group of entries has values of no entry");
}
