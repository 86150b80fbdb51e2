using System.Runtime.InteropServices;

namespace VirtioFsStore.Driver.Interop;

/// <summary>struct pollfd (poll.h).</summary>
[StructLayout(LayoutKind.Sequential)]
struct PollDescriptor
{
    public int Fd;
    public short Events;
    public short Result;
}
