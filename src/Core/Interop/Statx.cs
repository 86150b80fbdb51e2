using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>struct statx (linux/stat.h): 256 bytes; the fields this program uses.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
public struct Statx
{
    [FieldOffset(0)]
    public uint Mask;

    [FieldOffset(4)]
    public uint BlockSize;

    [FieldOffset(8)]
    public ulong Attributes;

    [FieldOffset(16)]
    public uint LinkCount;

    [FieldOffset(20)]
    public uint Uid;

    [FieldOffset(24)]
    public uint Gid;

    [FieldOffset(28)]
    public ushort Mode;

    [FieldOffset(32)]
    public ulong Ino;

    [FieldOffset(40)]
    public ulong Size;

    [FieldOffset(48)]
    public ulong Blocks;

    [FieldOffset(64)]
    public StatxTime AccessTime;

    [FieldOffset(80)]
    public StatxTime BirthTime;

    [FieldOffset(96)]
    public StatxTime ChangeTime;

    [FieldOffset(112)]
    public StatxTime ModifyTime;

    [FieldOffset(128)]
    public uint SpecialMajor;

    [FieldOffset(132)]
    public uint SpecialMinor;

    [FieldOffset(136)]
    public uint DeviceMajor;

    [FieldOffset(140)]
    public uint DeviceMinor;

    /// <summary>Valid where <see cref="Mask"/> has <see cref="FileStatus.STATX_MNT_ID"/>.</summary>
    [FieldOffset(144)]
    public ulong MountId;
}
