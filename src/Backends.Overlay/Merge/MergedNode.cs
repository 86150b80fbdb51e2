using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Merge;

/// <summary>An inode of the image while its layers are merged. Nodes that were replaced stay behind with no names.</summary>
struct MergedNode
{
    /// <summary>st_mode: type and permissions.</summary>
    public uint Mode;

    public uint Uid;
    public uint Gid;
    public uint MtimeNanoseconds;
    public long MtimeSeconds;

    /// <summary>Bytes; of regular files and symlinks.</summary>
    public long Size;

    /// <summary>Of regular files: the place in the layer's data file.</summary>
    public long DataOffset;

    /// <summary>Of regular files: bytes of the pages that hold data.</summary>
    public long Allocated;

    public uint DeviceMajor;
    public uint DeviceMinor;

    /// <summary>The layer that gave this inode, from 0, the lowest.</summary>
    public int Layer;

    public int FirstPiece;
    public int PieceCount;

    /// <summary>Of symlinks: where the target lies in the heap of links.</summary>
    public int Link;

    /// <summary>Where the attributes lie in the heap of xattrs; 0 is none.</summary>
    public int Xattrs;

    public int XattrsLength;

    /// <summary>Where the map of a sparse file lies in its heap.</summary>
    public int Sparse;

    public int SparseLength;

    /// <summary>Names that lead here; a directory has one.</summary>
    public int NameCount;

    /// <summary>Of directories: the first of their names, or −1.</summary>
    public int FirstChild;

    /// <summary>Of directories: their own name, or −1 for the root.</summary>
    public int OwnName;

    public readonly bool IsDirectory => StatMode.IsDirectory(Mode);

    public readonly bool IsSymbolicLink => StatMode.IsSymbolicLink(Mode);
}
