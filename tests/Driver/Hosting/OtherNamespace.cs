using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Interop;

namespace VirtioFsStore.Driver.Hosting;

/// <summary>Where another process is.</summary>
public static class OtherNamespace
{
    /// <summary>Moves the calling thread, for good, into the mount namespace of a process, to its root.</summary>
    public static void Enter(int pid)
    {
        using var there = new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Open($"/proc/{pid}/ns/mnt", OpenFlags.O_RDONLY), "open"));
        SystemCallException.ThrowIfError(ThreadCredentials.UnshareFileSystemState(), "unshare");
        SystemCallException.ThrowIfError(Native.EnterMountNamespace(there.Value), "setns");
    }
}
