using System.Runtime.InteropServices;

namespace VirtioFsStore.Daemon.Channels;

/// <summary>What every message begins with, in host byte order: both ends are the same program on the same host.</summary>
[StructLayout(LayoutKind.Sequential)]
struct MessageHead
{
    public uint Kind;

    /// <summary>Of the request that a message belongs to; chosen by who asks.</summary>
    public uint Id;
}
