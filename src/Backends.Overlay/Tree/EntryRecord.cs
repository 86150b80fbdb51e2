using System.Runtime.InteropServices;

namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>A name in a directory: 12 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
struct EntryRecord
{
    /// <summary>Position of the inode.</summary>
    public uint Node;

    /// <summary>In the section of names, in bytes.</summary>
    public uint NameOffset;

    /// <summary>1 … 255.</summary>
    public byte NameLength;

    /// <summary>DT_*.</summary>
    public byte Type;

    public ushort Reserved;
}
