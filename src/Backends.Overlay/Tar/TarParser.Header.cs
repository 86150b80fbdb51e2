namespace VirtioFsStore.Backends.Overlay.Tar;

public sealed partial class TarParser
{
    /// <summary>What Linux has bits for (linux/kdev_t.h).</summary>
    internal const int MaxMajor = (1 << 12) - 1;

    internal const int MaxMinor = (1 << 20) - 1;

    void ReadHeader(ReadOnlySpan<byte> header)
    {
        if (!header.ContainsAnyExcept((byte)0))
        {
            if (HasPending) throw Fail("an extended header is followed by no member");
            if (++_zeroBlocks == 2) _state = State.Ended;
            return;
        }

        if (_zeroBlocks > 0) throw Fail("a block of zeros stands between members");
        if (!TarField.ChecksumMatches(header)) throw Fail("a header's checksum is wrong: this is not tar, or it is damaged");
        if (!TarField.TryNumber(header.Slice(124, 12), out var size) || size < 0) throw Fail("a header's size is impossible");

        var flag = header[156];
        switch (flag)
        {
            case (byte)'x' or (byte)'X' or (byte)'g':
                Collect(flag, size, MaxPaxSize);
                return;
            case (byte)'L' or (byte)'K':
                Collect(flag, size, MaxNameSize);
                return;
            case (byte)'V':
                // A volume's label.
                SetBody(size);
                _state = State.Skip;
                if (size == 0) EndBody();
                return;
        }

        try
        {
            ReadEntry(header, flag, size);
        }
        catch (TarException e)
        {
            throw Fail(e.Message);
        }
    }

    void Collect(byte flag, long size, int limit)
    {
        if (size > limit) throw Fail($"an extended header has {size} bytes, more than the {limit} that are taken");
        SetBody(size);
        _collecting = flag;
        _collectedLength = 0;
        if (_collected.Length < size) _collected = new byte[size];
        _state = State.Collect;
        if (size == 0) FeedCollect([]);
    }

    void SetBody(long size)
    {
        _remaining = size;
        _padding = (int)(-size & (BlockSize - 1));
    }

    void ReadEntry(ReadOnlySpan<byte> header, byte flag, long size)
    {
        var pax = _pax ?? PaxHeader.From(_global);
        var entry = _entry;
        entry.HeaderOffset = Offset - BlockSize;
        entry.Path = _longName ?? pax.SparseName ?? pax.Path ?? HeaderName(header);
        entry.Link = _longLink ?? pax.LinkPath ?? TarField.Text(header.Slice(157, 100)).ToArray();
        _longName = _longLink = null;
        _pax = null;
        entry.Extents = null;
        entry.Xattrs.Clear();
        entry.Xattrs.AddRange(pax.Xattrs);
        entry.Mode = (uint)(Field(header.Slice(100, 8), "mode") & 0xfff);
        entry.Uid = pax.Uid ?? Id(header.Slice(108, 8), "uid");
        entry.Gid = pax.Gid ?? Id(header.Slice(116, 8), "gid");
        (entry.MtimeSeconds, entry.MtimeNanoseconds) = pax.Mtime ?? (Field(header.Slice(136, 12), "mtime"), 0);
        entry.DeviceMajor = entry.DeviceMinor = 0;
        entry.Size = 0;

        // pax wins: a reader that took the other size would see other members (CVE-2025-62518).
        var stored = pax.Size ?? size;
        entry.Type = Type(flag, entry.Path);
        switch (entry.Type)
        {
            case TarEntryType.Regular:
                ReadRegular(header, flag, pax, stored);
                return;
            case TarEntryType.CharacterDevice or TarEntryType.BlockDevice:
                entry.DeviceMajor = Device(pax.DeviceMajor ?? Field(header.Slice(329, 8), "device number"), MaxMajor);
                entry.DeviceMinor = Device(pax.DeviceMinor ?? Field(header.Slice(337, 8), "device number"), MaxMinor);
                break;
        }

        if (entry.Type is not (TarEntryType.HardLink or TarEntryType.Symlink)) entry.Link = [];
        // These have no data whatever their size says (Go's isHeaderOnly); GNU's dump directories and files that are
        // directories by their trailing slash do.
        SetBody(flag is (byte)'D' or (byte)'0' or (byte)'7' ? stored : 0);
        _sink.BeginEntry(entry);
        _sink.EndEntry();
        _state = State.Skip;
        if (_remaining == 0) EndBody();
    }

    void ReadRegular(ReadOnlySpan<byte> header, byte flag, PaxHeader pax, long stored)
    {
        var entry = _entry;
        entry.Link = [];
        if (stored > MaxFileSize || pax.SparseSize > MaxFileSize)
            throw new TarException($"{TarField.Display(entry.Path)} has {Math.Max(stored, pax.SparseSize ?? 0)} bytes, more than the {MaxFileSize} that a file can have");
        SetBody(stored);
        entry.Size = stored;
        if (flag == 'S')
        {
            BeginOldSparse(header);
        }
        else if (pax.SparseMajor is 1 && pax.SparseMinor is null or 0)
        {
            entry.Size = pax.SparseSize ?? throw new TarException($"the sparse file {TarField.Display(entry.Path)} has no real size");
            BeginSparseText();
        }
        else if (pax.SparseMajor is not (null or 0))
        {
            throw new TarException($"the sparse format {pax.SparseMajor}.{pax.SparseMinor} of {TarField.Display(entry.Path)} is not known");
        }
        else if (pax.SparseMap is { } map)
        {
            if (pax.SparseCount is { } count && count != map.Count)
                throw new TarException($"the sparse map of {TarField.Display(entry.Path)} has {map.Count} entries, not {count}");
            entry.Size = pax.SparseSize ?? throw new TarException($"the sparse file {TarField.Display(entry.Path)} has no real size");
            entry.Extents = TarSparse.Check(map, entry.Size, stored);
            BeginEntry(stored);
        }
        else if (pax.SparseSize is { } real && pax.SparseCount is 0)
        {
            // Format 0.0 of a file that is one hole.
            entry.Size = real;
            entry.Extents = TarSparse.Check([], real, stored);
            BeginEntry(stored);
        }
        else
        {
            BeginEntry(stored);
        }
    }

    static TarEntryType Type(byte flag, ReadOnlySpan<byte> path) => (char)flag switch
    {
        // Before POSIX a directory was a file whose name ends in a slash.
        '\0' or '0' or '7' => path.EndsWith("/"u8) ? TarEntryType.Directory : TarEntryType.Regular,
        'S' => TarEntryType.Regular,
        '1' => TarEntryType.HardLink,
        '2' => TarEntryType.Symlink,
        '3' => TarEntryType.CharacterDevice,
        '4' => TarEntryType.BlockDevice,
        '5' or 'D' => TarEntryType.Directory,
        '6' => TarEntryType.Fifo,
        _ => throw new TarException($"{TarField.Display(path)} has the type {TarField.Display([flag])}, which is not known"),
    };

    static byte[] HeaderName(ReadOnlySpan<byte> header)
    {
        var name = TarField.Text(header[..100]);
        // "ustar  " is GNU's, which keeps other things where POSIX has the prefix; star's prefix is shorter.
        if (!header.Slice(257, 6).SequenceEqual("ustar\0"u8)) return name.ToArray();
        var prefix = TarField.Text(header.Slice(345, header.Slice(508, 4).SequenceEqual("tar\0"u8) ? 131 : 155));
        return prefix.IsEmpty ? name.ToArray() : [.. prefix, (byte)'/', .. name];
    }

    long Field(ReadOnlySpan<byte> field, string what) => TarField.TryNumber(field, out var value)
        ? value
        : throw new TarException($"the {what} of {TarField.Display(_entry.Path)} is impossible");

    uint Id(ReadOnlySpan<byte> field, string what)
    {
        var value = Field(field, what);
        // The highest means "no change" to chown and cannot be an owner.
        return value is >= 0 and < uint.MaxValue ? (uint)value : throw new TarException($"the {what} of {TarField.Display(_entry.Path)} is impossible: {value}");
    }

    uint Device(long value, int max) => value >= 0 && value <= max
        ? (uint)value
        : throw new TarException($"the device number of {TarField.Display(_entry.Path)} is impossible: {value}");
}
