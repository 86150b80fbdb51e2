using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;

namespace VirtioFsStore.Core.Tests.Fuse;

/// <summary>A file system in memory behind the whole stack, and a guest that has it.</summary>
sealed class MountedMemory : IDisposable
{
    readonly ServerHost _host;

    public MountedMemory(
        FileSystemTraits traits = FileSystemTraits.Xattrs,
        Core.Fuse.SessionOptions? session = null,
        bool initialise = true,
        FuseInitFlags offered = FuseInitFlags.Linux)
    {
        Files = new MemoryFileSystem(traits);
        _host = new ServerHost(Files, new ServerHostOptions { Session = session ?? new Core.Fuse.SessionOptions() });
        Machine = _host.Boot(new VirtualMachineOptions { Depth = 4 });
        if (initialise)
            Machine.MountSession(offered);
    }

    public MemoryFileSystem Files { get; }

    public VirtualMachine Machine { get; }

    public FuseClient Fuse => Machine.Fuse;

    public Core.Fuse.FuseSession Session => _host.Session;

    public string Log => _host.Logger.Text;

    /// <summary>Posts a request as it is, waits for it and returns the bytes that the device says it wrote; nothing is checked.</summary>
    public FuseRequest Exchange(FuseRequest request)
    {
        Fuse.Requests.PostAsIs(request);
        Fuse.Requests.Notify();
        Fuse.Requests.WaitFor(request);
        Fuse.Requests.Return(request);
        return request;
    }

    /// <summary>The stack still serves.</summary>
    public bool IsAlive => Fuse.GetAttr(FuseClient.Root).Error == 0;

    public void Dispose()
    {
        Machine.Dispose();
        _host.Dispose();
    }
}
