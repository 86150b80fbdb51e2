using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>struct pollfd (poll.h): 8 bytes. A negative descriptor is left out.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct PollEntry(int fd, short events)
{
    public int Fd = fd;
    public short Events = events;
    public short Returned;
}
