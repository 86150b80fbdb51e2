using System.Text;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.Tocs;

/// <summary>Puts entries and the chunks that follow them together, as members of a tar stream.</summary>
/// <param name="assembler">Gets them.</param>
/// <param name="chunking">Of the format.</param>
sealed class TocMembers(TocAssembler assembler, ITocChunking chunking)
{
    readonly List<TocPart> _parts = [];
    TocEntry? _file;

    /// <exception cref="LayerImportException">It is impossible, for itself or here.</exception>
    /// <exception cref="TarException">There can be no such entry.</exception>
    public void Add(TocEntry entry)
    {
        if (entry.Type == "chunk")
        {
            AddChunk(entry);
            return;
        }

        Complete();
        if (entry is { Type: "reg", Size: > 0 })
        {
            _file = entry;
            _parts.Add(chunking.IsWhole(entry) ? default : TocPart.Of(entry));
        }
        else
        {
            assembler.Add(Member(entry), []);
        }
    }

    /// <summary>The last file ends.</summary>
    public void Complete()
    {
        if (_file is null) return;
        assembler.Add(Member(_file), chunking.ChunksOf(_file, _parts));
        _file = null;
        _parts.Clear();
    }

    void AddChunk(TocEntry entry)
    {
        if (_file is null || !entry.Name.AsSpan().SequenceEqual(_file.Name)) throw new LayerImportException($"a chunk of {TarField.Display(entry.Name)} follows another file");
        if (chunking.IsWhole(_file)) return;
        if (entry.ChunkOffset <= _parts[^1].ChunkOffset || entry.ChunkOffset >= _file.Size) throw new LayerImportException($"the chunks of {TarField.Display(entry.Name)} do not follow each other");
        if (entry.ChunkDigest is null) throw new LayerImportException($"a chunk of {TarField.Display(entry.Name)} has no digest");
        _parts.Add(TocPart.Of(entry));
    }

    /// <exception cref="LayerImportException">There can be no such entry.</exception>
    public static TarEntry Member(TocEntry entry)
    {
        var type = entry.Type switch
        {
            "dir" => TarEntryType.Directory,
            "reg" => TarEntryType.Regular,
            "symlink" => TarEntryType.Symlink,
            "hardlink" => TarEntryType.HardLink,
            "char" => TarEntryType.CharacterDevice,
            "block" => TarEntryType.BlockDevice,
            "fifo" => TarEntryType.Fifo,
            _ => throw new LayerImportException($"{TarField.Display(entry.Name)} has the type {TarField.Display(Encoding.UTF8.GetBytes(entry.Type))}, which is not known"),
        };
        var device = type is TarEntryType.CharacterDevice or TarEntryType.BlockDevice;
        long seconds = 0;
        uint nanoseconds = 0;
        if (entry.Time.Length > 0 && !TocTime.TryParse(entry.Time, out seconds, out nanoseconds))
            throw new LayerImportException($"the time of {TarField.Display(entry.Name)} is none: {TarField.Display(Encoding.UTF8.GetBytes(entry.Time))}");
        var member = new TarEntry
        {
            Path = entry.Name,
            Type = type,
            // The tar header's own, of which a parser takes as much.
            Mode = (uint)(entry.Mode & 0xfff),
            Uid = Number(entry, entry.Uid),
            Gid = Number(entry, entry.Gid),
            MtimeSeconds = seconds,
            MtimeNanoseconds = nanoseconds,
            DeviceMajor = device ? Number(entry, entry.DeviceMajor) : 0,
            DeviceMinor = device ? Number(entry, entry.DeviceMinor) : 0,
            Size = type == TarEntryType.Regular ? entry.Size : 0,
            Link = type is TarEntryType.Symlink or TarEntryType.HardLink ? entry.Link : [],
        };
        member.Xattrs.AddRange(entry.Xattrs);
        return member;
    }

    static uint Number(TocEntry entry, long value) =>
        value is >= 0 and <= uint.MaxValue ? (uint)value : throw new LayerImportException($"a number of {TarField.Display(entry.Name)} is impossible: {value}");
}
