using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.Tocs;

/// <summary>Finds the table of contents in the end of an eStargz layer's tar stream: the last file, alone. Nothing vouches for its header, which the table
/// does not have: it must be the one that all tools write, with no time, owner, permission or attribute.</summary>
sealed class TocFile(string name) : ITarSink
{
    TarEntry? _entry;

    public TarEntry Entry => _entry ?? throw new LayerImportException("its last gzip member has no table of contents");

    /// <summary>Where its data begins in the tar's end.</summary>
    public long DataOffset { get; private set; } = -1;

    public void BeginEntry(TarEntry entry)
    {
        if (_entry is not null || entry.Type != TarEntryType.Regular || entry.Size == 0 || entry.Extents is not null
            || TarPath.Normalize(entry.Path, out _) is not { } path || !path.AsSpan().SequenceEqual(System.Text.Encoding.ASCII.GetBytes(name)))
            throw new LayerImportException($"its last gzip member has {TarField.Display(entry.Path)}, not the table of contents alone");
        if (entry.Mode != 0 || entry.Uid != 0 || entry.Gid != 0 || entry.MtimeSeconds != 0 || entry.MtimeNanoseconds != 0 || entry.Xattrs.Count > 0)
            throw new LayerImportException("the tar header of its table of contents has a time, an owner, permissions or attributes, for which nobody vouches");
        _entry = entry;
    }

    public void Data(long fileOffset, long streamOffset, ReadOnlySpan<byte> data)
    {
        if (DataOffset < 0) DataOffset = streamOffset;
    }

    public void EndEntry()
    {
    }
}
