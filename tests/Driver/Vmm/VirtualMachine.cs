using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Interop;
using VirtioFsStore.Driver.Memory;
using VirtioFsStore.Driver.Queues;
using VirtioFsStore.Driver.VhostUser;

namespace VirtioFsStore.Driver.Vmm;

/// <summary>
/// A VMM and its guest's virtio-fs driver in one: memory, queues, the vhost-user connection and a FUSE client for each
/// request queue. The parts can be used by themselves too.
/// </summary>
public sealed class VirtualMachine : IDisposable
{
    readonly List<SplitQueue> _queues = [];
    readonly List<FuseClient> _clients = [];
    readonly HashSet<GuestRegion> _announced = [];
    ushort[] _bases;
    ulong _features;
    VhostUserFrontend? _frontend;

    bool _windowIsNew;

    public VirtualMachine(VirtualMachineOptions? options = null)
    {
        Options = options ?? new VirtualMachineOptions();
        _bases = new ushort[Options.QueueCount];
        var layout = Options.Memory ?? MemoryLayout.Flat(Options.MemoryNeeded);
        Memory = new GuestMemory([.. layout]);
        for (var i = 0; i < Options.QueueCount; i++)
            _queues.Add(new SplitQueue(Memory, i, Options.QueueSize, Options.Indirect, Options.EventIndex));
        if (Memory.Regions.Count > 1)
            Memory.AllocateFrom(Memory.Regions[^1]);
        Hiprio = new FuseQueue(Memory, _queues[0], Options.Depth, 0);
        for (var i = 1; i < Options.QueueCount; i++)
            _clients.Add(new FuseClient(new FuseQueue(Memory, _queues[i], Options.Depth, Options.DataCapacity), Hiprio));
    }

    public VirtualMachineOptions Options { get; }

    public GuestMemory Memory { get; }

    public IReadOnlyList<SplitQueue> Queues => _queues;

    /// <summary>Requests on queue 0.</summary>
    public FuseQueue Hiprio { get; }

    /// <summary>One for each request queue. They share the hiprio queue: FORGET and INTERRUPT from one thread at a time.</summary>
    public IReadOnlyList<FuseClient> Clients => _clients;

    /// <summary>The client of the first request queue.</summary>
    public FuseClient Fuse => _clients[0];

    public VhostUserFrontend Frontend => _frontend ?? throw new InvalidOperationException("The machine is not connected.");

    /// <summary>What the back-end offered.</summary>
    public VirtioFeatures OfferedFeatures { get; private set; }

    /// <summary>What SET_FEATURES says.</summary>
    public VirtioFeatures Features => (VirtioFeatures)_features;

    public ProtocolFeatures OfferedProtocol { get; private set; }

    public ProtocolFeatures Protocol { get; private set; }

    /// <summary>GET_MAX_MEM_SLOTS, where it was asked.</summary>
    public int MemorySlots { get; internal set; }

    /// <summary>The device's configuration space, where the VMM takes it from the back-end.</summary>
    public byte[] Configuration { get; internal set; } = [];

    /// <summary>GET_SHMEM_CONFIG, where it was asked.</summary>
    public ulong[] SharedMemorySizes { get; internal set; } = [];

    /// <summary>What the VMM has mapped for its guest, where it makes a window.</summary>
    public SharedWindow? Window { get; private set; }

    /// <summary>The area that tracks requests; a VMM keeps it for the next back-end.</summary>
    public InflightArea? Inflight { get; private set; }

    public DirtyLog? Log { get; private set; }

    /// <summary>A machine that is connected and started, with FUSE not yet initialized.</summary>
    public static VirtualMachine Boot(string socketPath, VirtualMachineOptions? options = null)
    {
        var machine = new VirtualMachine(options);
        try
        {
            machine.Connect(socketPath);
            machine.Start();
            return machine;
        }
        catch
        {
            machine.Dispose();
            throw;
        }
    }

    /// <summary>As <see cref="Boot"/>, and the file system mounted: INIT as Linux sends it.</summary>
    public static VirtualMachine Mount(string socketPath, VirtualMachineOptions? options = null)
    {
        var machine = Boot(socketPath, options);
        try
        {
            machine.MountSession();
            return machine;
        }
        catch
        {
            machine.Dispose();
            throw;
        }
    }

    /// <summary>INIT on the first queue; all clients take over the answer.</summary>
    public void MountSession(FuseInitFlags? offered = null)
    {
        _ = Fuse.Init(45, offered ?? (Window is null ? FuseInitFlags.Linux : FuseInitFlags.LinuxDax)).Value;
        // The first INIT of a connection.
        if (Interlocked.Exchange(ref _windowIsNew, false))
            Window?.Forget();
        foreach (var client in _clients)
            client.Adopt(Fuse.Session);
    }

    /// <summary>Connects and negotiates.</summary>
    public void Connect(string socketPath)
    {
        Disconnect();
        _frontend = VhostUserFrontend.Connect(socketPath);
        _announced.Clear();
        Options.Profile.Connect(this);
    }

    /// <summary>DRIVER_OK.</summary>
    public void Start() => Options.Profile.Start(this);

    /// <summary>The driver lets the device go; what is in flight ends before. The queues can be started again.</summary>
    public ushort[] Stop() => _bases = Options.Profile.Stop(this);

    /// <summary>The VMM goes away without a word.</summary>
    public void Disconnect()
    {
        Window?.Dispose();
        Window = null;
        _frontend?.Dispose();
        _frontend = null;
    }

    /// <summary>The connection ends while the window may be busy: what a VMM's death is for the back-end, before <see cref="Disconnect"/> takes the rest away.</summary>
    public void CutConnection() => _ = Native.Shutdown(Frontend.Socket.Fd);

    /// <summary>RESET_DEVICE, with which the VMM drops what it has mapped.</summary>
    internal void ResetDevice()
    {
        Frontend.ResetDevice();
        Window?.Drop();
    }

    internal void OpenWindow(ulong size)
    {
        _windowIsNew = Window is null;
        Window ??= new SharedWindow(Frontend.Channel, size, Options.WindowLikeQemu);
    }

    /// <summary>The connection is lost; a VMM then takes up the queues where the used rings stand.</summary>
    public void Reconnect(string socketPath)
    {
        Disconnect();
        _bases = [.. _queues.Select(queue => queue.DeviceUsedIndex)];
        Connect(socketPath);
        Start();
    }

    /// <summary>The guest resets the device and begins anew with empty queues.</summary>
    public void ResetQueues()
    {
        foreach (var queue in _queues)
            queue.Reset();
        Hiprio.Reclaim();
        foreach (var client in _clients)
            client.Requests.Reclaim();
        _bases = new ushort[Options.QueueCount];
    }

    public bool Has(ProtocolFeatures feature) => Protocol.HasFlag(feature);

    /// <summary>Starts logging of dirty pages as a migration does: SET_LOG_BASE, LOG_ALL, and the ring addresses with the log flag.</summary>
    public DirtyLog StartLogging()
    {
        Log ??= new DirtyLog(Memory.End);
        Frontend.SetLogBase(Log);
        SetLogging(true);
        return Log;
    }

    public void StopLogging() => SetLogging(false);

    public void Dispose()
    {
        Disconnect();
        foreach (var queue in _queues)
            queue.Dispose();
        Inflight?.Dispose();
        Log?.Dispose();
        Memory.Dispose();
    }

    /// <summary>The addresses of a queue as its message has them.</summary>
    public VringAddress AddressOf(SplitQueue queue) => new()
    {
        Index = (uint)queue.Index,
        Flags = Features.HasFlag(VirtioFeatures.LogAll) ? VringAddress.LogFlag : 0,
        Descriptors = Memory.ToUserAddress(queue.DescriptorTable),
        Available = Memory.ToUserAddress(queue.AvailableRing),
        Used = Memory.ToUserAddress(queue.UsedRing),
        Log = queue.UsedRing,
    };

    internal ushort NextBase(int queue) => _bases[queue];

    internal void NegotiateFeatures()
    {
        OfferedFeatures = Frontend.GetFeatures();
        var wanted = VirtioFeatures.Version1 | VirtioFeatures.ProtocolFeatures
            | (Options.Indirect ? VirtioFeatures.RingIndirectDescriptors : 0)
            | (Options.EventIndex ? VirtioFeatures.RingEventIndex : 0);
        if ((OfferedFeatures & wanted) != wanted)
            throw new VhostUserProtocolException($"The back-end does not offer {wanted & ~OfferedFeatures}.");
        _features = (ulong)wanted;
    }

    internal void NegotiateProtocol(ProtocolFeatures understood)
    {
        OfferedProtocol = Frontend.GetProtocolFeatures();
        Protocol = OfferedProtocol & understood;
        Frontend.SetProtocolFeatures(Protocol);
    }

    /// <summary>
    /// ADD_MEM_REG for what the back-end does not have yet and REM_MEM_REG for what is gone, as QEMU does: a device reset makes
    /// neither forget (hw/virtio/vhost-user.c, shadow regions).
    /// </summary>
    public void AnnounceMemory()
    {
        var acknowledge = Has(ProtocolFeatures.ReplyAck);
        foreach (var region in _announced.Except(Memory.Regions).ToArray())
        {
            Frontend.RemoveMemoryRegion(region, acknowledge);
            _announced.Remove(region);
        }
        foreach (var region in Memory.Regions)
            if (_announced.Add(region))
                Frontend.AddMemoryRegion(region, acknowledge);
    }

    /// <summary>Gets an area if the machine has none, and hands it to the back-end.</summary>
    internal void PassInflight()
    {
        Inflight ??= Frontend.GetInflight((ushort)Options.QueueCount, Options.QueueSize);
        Frontend.SetInflight(Inflight);
    }

    void SetLogging(bool on)
    {
        _features = on ? _features | (ulong)VirtioFeatures.LogAll : _features & ~(ulong)VirtioFeatures.LogAll;
        Frontend.SetFeatures(Features, Has(ProtocolFeatures.ReplyAck));
        foreach (var queue in _queues)
            Frontend.SetVringAddress(AddressOf(queue), Has(ProtocolFeatures.ReplyAck));
    }
}
