using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>struct mount_attr (linux/mount.h).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct MountAttributes
{
    public ulong Set;
    public ulong Clear;
    public ulong Propagation;
    public ulong UserNamespace;
}
