using System.Runtime.InteropServices;

namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>A place of the hash table of names (open addressing, linear probing, at most half full): 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
struct SlotRecord
{
    public uint Hash;

    /// <summary>Index of the entry + 1; 0 is a free place, where probing ends.</summary>
    public uint EntryPlusOne;
}
