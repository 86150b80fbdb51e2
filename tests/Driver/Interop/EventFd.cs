using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Driver.Interop;

/// <summary>An eventfd: how driver and device wake each other.</summary>
public sealed unsafe class EventFd : IDisposable
{
    readonly FileDescriptor _descriptor = new(Native.CreateEvent());

    public int Fd => _descriptor.Value;

    public void Signal()
    {
        ulong one = 1;
        SystemCallException.ThrowIfError(FileIo.Write(Fd, (byte*)&one, sizeof(ulong)), "write", "eventfd");
    }

    /// <summary>Counts it up to where a further signal finds no room.</summary>
    public void Fill()
    {
        _ = Take();
        var most = ulong.MaxValue - 1;
        SystemCallException.ThrowIfError(FileIo.Write(Fd, (byte*)&most, sizeof(ulong)), "write", "eventfd");
    }

    /// <summary>Waits for a signal and takes it. False if none came in time.</summary>
    public bool Wait(TimeSpan timeout) => WaitCount(timeout) > 0;

    /// <summary>Waits for a signal and takes all there are. 0 if none came in time.</summary>
    public ulong WaitCount(TimeSpan timeout) =>
        SystemCallException.ThrowIfError(Native.Poll(Fd, (int)timeout.TotalMilliseconds), "poll", "eventfd") > 0 ? Take() : 0;

    /// <summary>The number of signals since the last call; 0 if none. Does not wait.</summary>
    public ulong Take()
    {
        ulong count = 0;
        var result = FileIo.Read(Fd, (byte*)&count, sizeof(ulong));
        return result == sizeof(ulong) ? count : 0;
    }

    public void Dispose() => _descriptor.Dispose();
}
