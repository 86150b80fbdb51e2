using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>A server with a window of eight ranges, and a mounted machine that has mapped nothing yet. At the end nothing may be left.</summary>
sealed class DaxSetup : IDisposable
{
    public const ulong Range = 2 << 20;
    public const ulong Page = 4096;
    public const ulong Size = 8 * Range;

    public DaxSetup(ServerHostOptions? options = null, bool likeQemu = false, FileSystemTraits traits = FileSystemTraits.Xattrs, ulong size = Size)
    {
        Files = new MemoryFileSystem(traits);
        new Random(1).NextBytes(Content);
        Files.AddFile("file", Content);
        Files.AddFile("small", "few bytes"u8);
        Host = new ServerHost(Files, (options ?? new ServerHostOptions()) with { Tag = "t", DaxWindow = size });
        Machine = Host.Mount(new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice, WindowLikeQemu = likeQemu });
        Node = Fuse.Walk("file").NodeId;
    }

    public MemoryFileSystem Files { get; }

    /// <summary>Of the file: two ranges, the second of which has no two pages.</summary>
    public byte[] Content { get; } = new byte[(int)Range + 5000];

    public ServerHost Host { get; }

    public VirtualMachine Machine { get; }

    public ulong Node { get; }

    public FuseClient Fuse => Machine.Fuse;

    public SharedWindow Window => Machine.Window!;

    /// <summary>What is mapped, by whom one asks: the session, the file system.</summary>
    public (int Mappings, int Extents) Counts => (Host.Session.Window.Mappings, Files.MappedExtents);

    public static FuseRemoveMappingOne Place(ulong offset, ulong length = Range) => new() { WindowOffset = offset, Length = length };

    /// <summary>Maps the first range of the file.</summary>
    public int Map(ulong windowOffset) => Fuse.SetupMapping(Node, 0, Range, windowOffset, writable: false);

    /// <summary>A SETUPMAPPING of the first range in the ring, and the queue notified.</summary>
    public FuseRequest PostMap(ulong windowOffset) =>
        Post(Fuse.Begin(FuseOpcode.SetupMapping, Node)
            .Append(new FuseSetupMappingIn { Fh = ulong.MaxValue, Length = Range, WindowOffset = windowOffset, Flags = 2 }));

    public FuseRequest Post(FuseRequest request)
    {
        Fuse.Requests.Post(request);
        Fuse.Requests.Notify();
        return request;
    }

    /// <summary>Waits for a posted request. The errno, or 0.</summary>
    public int Finish(FuseRequest request)
    {
        Fuse.Requests.WaitFor(request);
        FuseQueue.Check(request);
        var error = request.Error;
        Fuse.Requests.Return(request);
        return error;
    }

    /// <summary>Lets the VMM come to a request, and waits there until the gate opens.</summary>
    public void HoldVmm(ManualResetEventSlim gate, ManualResetEventSlim arrived, WindowAnswer answer = WindowAnswer.Obey) =>
        Window.OnRequest = _ =>
        {
            arrived.Set();
            gate.Wait();
            return answer;
        };

    /// <summary>The VMM is gone, and the server waits for the next one.</summary>
    public void LoseVmm()
    {
        Machine.Disconnect();
        Host.WaitListening();
    }

    /// <summary>Another VMM with a guest that has mounted, and looked up what <see cref="Node"/> is.</summary>
    public void ConnectNextVmm()
    {
        Machine.ResetQueues();
        Machine.Connect(Host.SocketPath);
        Machine.Start();
        Machine.MountSession();
        Assert.Equal(Node, Fuse.Walk("file").NodeId);
    }

    public void Dispose()
    {
        Machine.Dispose();
        Host.Dispose();
        Assert.Equal(0, Files.MappedExtents);
    }
}
