using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.VhostUser;

/// <summary>"A vring address description"; ring addresses are user addresses, the log is a guest address.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VringAddress
{
    public const uint LogFlag = 1;

    public uint Index;
    public uint Flags;
    public ulong Descriptors;
    public ulong Used;
    public ulong Available;
    public ulong Log;
}
