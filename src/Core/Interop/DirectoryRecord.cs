using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>The head of struct linux_dirent64 (linux/dirent.h); the name follows at <see cref="NameOffset"/> and ends with a NUL.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct DirectoryRecord
{
    public const int NameOffset = 19;

    [FieldOffset(0)]
    public ulong Ino;

    /// <summary>Where the directory goes on after this entry.</summary>
    [FieldOffset(8)]
    public long NextOffset;

    [FieldOffset(16)]
    public ushort RecordLength;

    /// <summary>DT_*.</summary>
    [FieldOffset(18)]
    public byte Type;
}
