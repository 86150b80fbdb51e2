using System.Text;
using VirtioFsStore.Backends.Overlay.Layers;

namespace VirtioFsStore.Backends.Overlay.Tests.Merge;

/// <summary>A layer's entry as tests write it down; strings are Latin-1, so that any byte can be in a name.</summary>
sealed record TestEntry(LayerEntryType Type, string Path)
{
    public uint Mode { get; init; } = 0x1a4; // rw-r--r--

    public uint Uid { get; init; }

    public uint Gid { get; init; }

    public long Mtime { get; init; }

    public uint Nanoseconds { get; init; }

    public uint Major { get; init; }

    public uint Minor { get; init; }

    public string Link { get; init; } = "";

    public long Size { get; init; }

    public long DataOffset { get; init; }

    public long Allocated { get; init; }

    public long FirstPiece { get; init; }

    public int PieceCount { get; init; }

    public IReadOnlyList<(string Name, string Value)> Xattrs { get; init; } = [];

    /// <summary>Data extents of a file with holes.</summary>
    public IReadOnlyList<(long Offset, long Length)> Extents { get; init; } = [];

    public static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    public LayerEntry ToEntry(long id) => new()
    {
        Id = id,
        Path = Bytes(Path),
        Type = Type,
        Mode = Mode,
        Uid = Uid,
        Gid = Gid,
        MtimeSeconds = Mtime,
        MtimeNanoseconds = Nanoseconds,
        RdevMajor = Major,
        RdevMinor = Minor,
        Size = Size,
        Link = Bytes(Link),
        DataOffset = DataOffset,
        Allocated = Allocated,
        FirstPiece = FirstPiece,
        PieceCount = PieceCount,
        Xattrs = new XattrList(XattrList.Encode(Xattrs.Select(x => KeyValuePair.Create(Bytes(x.Name), Bytes(x.Value))))),
        Sparse = new SparseMap(EncodeExtents()),
    };

    byte[] EncodeExtents()
    {
        var encoded = new byte[16 * Extents.Count];
        for (var i = 0; i < Extents.Count; i++)
        {
            BitConverter.TryWriteBytes(encoded.AsSpan(16 * i), Extents[i].Offset);
            BitConverter.TryWriteBytes(encoded.AsSpan((16 * i) + 8), Extents[i].Length);
        }

        return encoded;
    }
}
