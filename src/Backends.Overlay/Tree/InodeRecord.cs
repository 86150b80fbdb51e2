using System.Runtime.InteropServices;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>An inode: 64 bytes, one cache line. Its position in the file, from 1, is its node id and its ino.</summary>
[StructLayout(LayoutKind.Sequential)]
struct InodeRecord
{
    public uint Uid;
    public uint Gid;
    public long MtimeSeconds;
    public uint MtimeNanoseconds;

    /// <summary>Names that lead here; of directories 2 + subdirectories.</summary>
    public uint LinkCount;

    /// <summary>Bytes of regular files and of symlink targets.</summary>
    public ulong Size;

    /// <summary>Regular: offset in the layer's data file. Directory: first entry (low half) and number of entries (high half).
    /// Symlink: offset in the section of links. Device: major (high half) and minor (low half).</summary>
    public ulong Location;

    /// <summary>Regular: pages of 4096 bytes that hold data.</summary>
    public uint Pages;

    /// <summary>st_mode.</summary>
    public ushort Mode;

    /// <summary>Regular: index of its layer.</summary>
    public ushort Layer;

    /// <summary>Where the xattr block lies in its section, in units of 8 bytes; 0 is none.</summary>
    public uint Xattrs;

    /// <summary>Regular: its first piece in the layer. Directory: the position of its parent.</summary>
    public uint FirstPieceOrParent;

    /// <summary>Regular.</summary>
    public uint PieceCount;

    /// <summary>Regular: where its map lies in the section of maps, in units of 8 bytes; 0 is none: no holes and at most one piece.</summary>
    public uint Map;

    public readonly bool IsDirectory => StatMode.IsDirectory(Mode);

    public readonly bool IsRegular => StatMode.IsRegular(Mode);

    public readonly bool IsSymbolicLink => StatMode.IsSymbolicLink(Mode);

    public readonly uint FirstEntry => (uint)Location;

    public readonly uint EntryCount => (uint)(Location >> 32);

    public static ulong Halves(uint high, uint low) => ((ulong)high << 32) | low;
}
