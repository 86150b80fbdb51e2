using System.Globalization;

namespace VirtioFsStore.ImageMaker;

/// <summary>Writes entries in every dialect.</summary>
public static class EntryWriter
{
    const int NameField = 100;
    const int PrefixField = 155;

    /// <summary>The highest number that seven octal digits hold.</summary>
    const long MaxOctalId = 0x1f_ffff;

    const long MaxOctalTime = 0x1_ffff_ffff;

    public static TarWriter Entry(this TarWriter tar, MadeEntry entry, HeaderDialect dialect = HeaderDialect.Ustar)
    {
        dialect = Nearest(entry, dialect);
        if (dialect == HeaderDialect.Gnu)
            WriteGnu(tar, entry);
        else if (dialect >= HeaderDialect.Pax)
            WritePax(tar, entry, dialect);
        else
            WritePlain(tar, entry, dialect);
        return tar;
    }

    static HeaderDialect Nearest(MadeEntry entry, HeaderDialect dialect)
    {
        if (entry.Xattrs.Count > 0 || entry.Nanoseconds != 0)
            return dialect < HeaderDialect.Pax ? HeaderDialect.Pax : dialect;
        if (entry.Extents is not null && dialect < HeaderDialect.Gnu)
            return HeaderDialect.Gnu;
        if (entry.Uid > MaxOctalId || entry.Gid > MaxOctalId || entry.Mtime is < 0 or > MaxOctalTime || entry.Link.Length > NameField)
            return dialect < HeaderDialect.Gnu ? HeaderDialect.Gnu : dialect;
        if (dialect == HeaderDialect.V7 && (NameOf(entry).Length > NameField || entry.Type is '3' or '4' or '6'))
            dialect = HeaderDialect.Ustar;
        return dialect == HeaderDialect.Ustar && NameOf(entry).Length > NameField && PrefixLength(NameOf(entry)) < 0 ? HeaderDialect.Pax : dialect;
    }

    static string NameOf(MadeEntry entry) => entry.Type == '5' ? entry.Path + "/" : entry.Path;

    /// <summary>Where a name can be cut into prefix and name, or −1.</summary>
    static int PrefixLength(string name)
    {
        for (var at = Math.Min(name.Length - 2, PrefixField); at > 0; at--)
        {
            if (name[at] == '/' && name.Length - at - 1 <= NameField)
                return at;
        }
        return -1;
    }

    static void WritePlain(TarWriter tar, MadeEntry entry, HeaderDialect dialect)
    {
        var name = NameOf(entry);
        var cut = name.Length > NameField ? PrefixLength(name) : -1;
        Header(tar, entry, name[(cut + 1)..], entry.Type, entry.Data.Length, dialect == HeaderDialect.V7 ? TarWriter.Dialect.V7 : TarWriter.Dialect.Ustar, header =>
        {
            if (cut > 0)
                TarWriter.Bytes(name[..cut]).CopyTo(header.AsSpan(345));
        }).Body(entry.Data);
    }

    static void WriteGnu(TarWriter tar, MadeEntry entry)
    {
        var name = NameOf(entry);
        if (name.Length > NameField)
            tar.Long('L', name);
        if (entry.Link.Length > NameField)
            tar.Long('K', entry.Link);
        if (entry.Extents is not { } extents)
        {
            Header(tar, entry, name, entry.Type, entry.Data.Length, TarWriter.Dialect.Gnu).Body(entry.Data);
            return;
        }
        Header(tar, entry, name, 'S', entry.Data.Length, TarWriter.Dialect.Gnu, header =>
        {
            TarWriter.Number(header.AsSpan(483, 12), entry.RealSize);
            header[482] = (byte)(extents.Count > 4 ? 1 : 0);
            Pairs(header.AsSpan(386), extents, 0, 4);
        });
        for (var first = 4; first < extents.Count; first += 21)
        {
            var block = new byte[512];
            Pairs(block, extents, first, 21);
            block[504] = (byte)(extents.Count > first + 21 ? 1 : 0);
            tar.Raw(block);
        }
        tar.Body(entry.Data);
    }

    static void Pairs(Span<byte> to, IReadOnlyList<(long Offset, long Length)> extents, int first, int most)
    {
        for (var i = 0; i < most && first + i < extents.Count; i++)
        {
            TarWriter.Number(to.Slice(i * 24, 12), extents[first + i].Offset);
            TarWriter.Number(to.Slice(i * 24 + 12, 12), extents[first + i].Length);
        }
    }

    static void WritePax(TarWriter tar, MadeEntry entry, HeaderDialect dialect)
    {
        var records = new List<(string Key, string Value)>();
        var name = NameOf(entry);
        if (name.Length > NameField)
            records.Add(("path", name));
        if (entry.Link.Length > NameField)
            records.Add(("linkpath", entry.Link));
        if (entry.Uid > MaxOctalId)
            records.Add(("uid", Number(entry.Uid)));
        if (entry.Gid > MaxOctalId)
            records.Add(("gid", Number(entry.Gid)));
        if (entry.Nanoseconds != 0 || entry.Mtime is < 0 or > MaxOctalTime)
            records.Add(("mtime", Time(entry)));
        records.AddRange(entry.Xattrs.Select(xattr => ("SCHILY.xattr." + xattr.Name, xattr.Value)));
        var data = entry.Data;
        if (entry.Extents is { } extents)
            data = SparseRecords(entry, extents, dialect, records);
        if (records.Count > 0)
            tar.Pax([.. records]);
        Header(tar, Shown(entry), name, entry.Type, data.Length, TarWriter.Dialect.Ustar).Body(data);
    }

    /// <summary>What the records say need not, and often cannot, be in the header as well.</summary>
    static MadeEntry Shown(MadeEntry entry) => entry with
    {
        Uid = Math.Min(entry.Uid, MaxOctalId),
        Gid = Math.Min(entry.Gid, MaxOctalId),
        Mtime = Math.Clamp(entry.Mtime, 0, MaxOctalTime),
    };

    static byte[] SparseRecords(MadeEntry entry, IReadOnlyList<(long Offset, long Length)> extents, HeaderDialect dialect, List<(string Key, string Value)> records)
    {
        switch (dialect)
        {
            case HeaderDialect.Pax:
                records.AddRange([("GNU.sparse.size", Number(entry.RealSize)), ("GNU.sparse.numblocks", Number(extents.Count))]);
                foreach (var (offset, length) in extents)
                    records.AddRange([("GNU.sparse.offset", Number(offset)), ("GNU.sparse.numbytes", Number(length))]);
                return entry.Data;
            case HeaderDialect.PaxSparse01:
                records.AddRange(
                [
                    ("GNU.sparse.size", Number(entry.RealSize)), ("GNU.sparse.numblocks", Number(extents.Count)), ("GNU.sparse.name", entry.Path),
                    ("GNU.sparse.map", string.Join(',', extents.Select(extent => $"{extent.Offset},{extent.Length}"))),
                ]);
                return entry.Data;
            default:
                var text = $"{extents.Count}\n" + string.Concat(extents.Select(extent => $"{extent.Offset}\n{extent.Length}\n"));
                records.AddRange(
                [
                    ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", entry.Path), ("GNU.sparse.realsize", Number(entry.RealSize)),
                ]);
                return [.. TarWriter.Bytes(text.PadRight((text.Length + 511) / 512 * 512, '\0')), .. entry.Data];
        }
    }

    static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Seconds with nine decimals; before 1970 the fraction counts away from zero, as in a decimal number.</summary>
    static string Time(MadeEntry entry) =>
        (entry.Mtime + (entry.Nanoseconds / 1_000_000_000m)).ToString("0.#########", CultureInfo.InvariantCulture);

    static TarWriter Header(TarWriter tar, MadeEntry entry, string name, char type, long size, TarWriter.Dialect dialect, Action<byte[]>? change = null) =>
        tar.Header(name, type, size, entry.Link, entry.Mode, entry.Uid, entry.Gid, entry.Mtime, entry.Major, entry.Minor, dialect, change);
}
