using System.Runtime.InteropServices;

namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>Where a section of a tree file lies, in bytes from its start: 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
struct TreeSection
{
    public ulong Offset;
    public ulong Length;
}
