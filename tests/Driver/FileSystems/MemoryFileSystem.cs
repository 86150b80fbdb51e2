using System.Text;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Driver.FileSystems;

/// <summary>
/// A file system in memory, for tests of what carries it: answers at once without allocating, or (behind an
/// <see cref="OperationGate"/>) late, with an error or an exception. One lock for all.
/// </summary>
public sealed partial class MemoryFileSystem : IFileSystem, IMappable
{
    readonly Lock _lock = new();
    readonly Dictionary<ulong, MemoryNode> _nodes = [];
    readonly Dictionary<ulong, MemoryNode> _handles = [];
    readonly OperationGate?[] _gates = new OperationGate?[(int)MemoryOperation.Reset + 1];
    readonly long[] _calls = new long[(int)MemoryOperation.Reset + 1];
    readonly MemoryNode _root;
    ulong _nextNode = 1;
    ulong _nextHandle = 1;

    public MemoryFileSystem(FileSystemTraits traits = FileSystemTraits.Xattrs)
    {
        Traits = traits;
        _root = Make(StatMode.Directory | 0x1ED, default);
        _root.Lookups = 1;
    }

    public FileSystemTraits Traits { get; }

    /// <summary>How long the guest may keep entries and attributes.</summary>
    public Validity Validity { get; set; }

    /// <summary>Whether a name that does not exist is answered by a negative entry instead of ENOENT.</summary>
    public bool NegativeEntries { get; set; }

    /// <summary>In whose name the last operation that makes something came.</summary>
    public Caller LastCaller { get; private set; }

    /// <summary>The supplementary group that came with it.</summary>
    public uint LastSupplementaryGroup { get; private set; } = RequestContext.NoGroup;

    /// <summary>The security labels that came with it.</summary>
    public IReadOnlyList<(string Name, byte[] Value)> LastLabels { get; private set; } = [];

    /// <summary>O_* of the last OPEN or CREATE.</summary>
    public int LastOpenFlags { get; private set; }

    /// <summary>Handles that were given out and not released.</summary>
    public int OpenHandles
    {
        get
        {
            lock (_lock)
                return _handles.Count;
        }
    }

    public long Calls(MemoryOperation operation) => Volatile.Read(ref _calls[(int)operation]);

    /// <summary>Puts a gate in front of an operation, or takes it away.</summary>
    public OperationGate? Intercept(MemoryOperation operation, OperationGate? gate)
    {
        Volatile.Write(ref _gates[(int)operation], gate);
        return gate;
    }

    /// <summary>Holds an operation from now on.</summary>
    public OperationGate Hold(MemoryOperation operation) => Intercept(operation, OperationGate.Hold())!;

    /// <summary>Makes a file, and the directories on the way. Returns its node id.</summary>
    public ulong AddFile(string path, ReadOnlySpan<byte> content, uint mode = 0x1A4)
    {
        lock (_lock)
        {
            var (parent, name) = Locate(path);
            var node = Make(StatMode.Regular | mode, default);
            node.Resize(content.Length);
            content.CopyTo(node.Content);
            parent.Put(name, node);
            return node.Id;
        }
    }

    public ulong AddFile(string path, string content) => AddFile(path, Encoding.UTF8.GetBytes(content));

    /// <summary>Makes a directory, and those on the way. Returns its node id.</summary>
    public ulong AddDirectory(string path)
    {
        lock (_lock)
        {
            var (parent, name) = Locate(path);
            return Child(parent, name).Id;
        }
    }

    /// <summary>A file's content as it is now.</summary>
    public byte[] ReadContent(string path)
    {
        lock (_lock)
        {
            var (parent, name) = Locate(path);
            return (parent.Find(name) ?? throw new FileNotFoundException(path)).Data.ToArray();
        }
    }

    /// <summary>Lookups of a node that the guest has not given back; null when the node is gone.</summary>
    public ulong? Lookups(ulong node)
    {
        lock (_lock)
            return _nodes.TryGetValue(node, out var found) ? found.Lookups : null;
    }

    public void Reset()
    {
        Interlocked.Increment(ref _calls[(int)MemoryOperation.Reset]);
        lock (_lock)
        {
            _handles.Clear();
            foreach (var node in _nodes.Values.ToArray())
            {
                node.Handles = 0;
                node.Lookups = node == _root ? 1UL : 0;
                node.Locks.Clear();
                DropIfUnused(node);
            }
        }
    }

    public void Forget(NodeId node, ulong count)
    {
        Interlocked.Increment(ref _calls[(int)MemoryOperation.Forget]);
        lock (_lock)
        {
            if (!_nodes.TryGetValue(node.Value, out var found) || found == _root)
                return;
            found.Lookups -= Math.Min(count, found.Lookups);
            DropIfUnused(found);
        }
    }

    /// <summary>Nobody may call it any more.</summary>
    public bool IsDisposed { get; private set; }

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        foreach (var gate in _gates)
            gate?.Dispose();
        return default;
    }

    static Timestamp Now()
    {
        var now = DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch;
        return new Timestamp((long)Math.Floor(now.TotalSeconds), (uint)(now.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick));
    }

    ValueTask<Errno> Run<TState>(MemoryOperation kind, RequestContext request, TState state, Func<TState, Errno> operation)
    {
        Interlocked.Increment(ref _calls[(int)kind]);
        var gate = Volatile.Read(ref _gates[(int)kind]);
        return gate is null ? new ValueTask<Errno>(operation(state)) : gate.RunAsync(request, state, operation);
    }

    /// <summary>Lets the type of the answer be named where that of the state is inferred.</summary>
    static class Answer<T>
        where T : struct
    {
        public static ValueTask<Reply<T>> Run<TState>(
            MemoryFileSystem self, MemoryOperation kind, RequestContext request, TState state, Func<TState, Reply<T>> operation)
        {
            Interlocked.Increment(ref self._calls[(int)kind]);
            var gate = Volatile.Read(ref self._gates[(int)kind]);
            return gate is null ? new ValueTask<Reply<T>>(operation(state)) : gate.RunAsync(request, state, operation);
        }
    }

    MemoryNode Make(uint mode, Caller caller)
    {
        var now = Now();
        var node = new MemoryNode(_nextNode++, mode)
        {
            Uid = caller.Uid,
            Gid = caller.Gid,
            AccessTime = now,
            ModifyTime = now,
            ChangeTime = now,
        };
        _nodes.Add(node.Id, node);
        return node;
    }

    (MemoryNode Parent, byte[] Name) Locate(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var parent = _root;
        foreach (var part in parts.AsSpan(0, parts.Length - 1))
            parent = Child(parent, Encoding.UTF8.GetBytes(part));
        return (parent, Encoding.UTF8.GetBytes(parts[^1]));
    }

    MemoryNode Child(MemoryNode parent, byte[] name)
    {
        if (parent.Find(name) is { } found)
            return found;
        var made = Make(StatMode.Directory | 0x1ED, default);
        made.Parent = parent;
        parent.LinkCount++;
        parent.Put(name, made);
        return made;
    }

    void DropIfUnused(MemoryNode node)
    {
        if (node != _root && node is { LinkCount: 0, Lookups: 0, Handles: 0 })
            _nodes.Remove(node.Id);
    }

    Entry ToEntry(MemoryNode node)
    {
        node.Lookups++;
        return new Entry { Node = new NodeId(node.Id), EntryValidity = Validity, AttributesValidity = Validity, Attributes = ToAttributes(node) };
    }

    static NodeAttributes ToAttributes(MemoryNode node)
    {
        var size = node.IsDirectory ? 4096 : node.Target.Length > 0 ? node.Target.Length : node.Size;
        return new NodeAttributes
        {
            Ino = node.Id,
            Mode = node.Mode,
            Size = (ulong)size,
            Blocks = (ulong)(size + 511) / 512,
            LinkCount = node.LinkCount,
            Uid = node.Uid,
            Gid = node.Gid,
            DeviceMajor = node.DeviceMajor,
            DeviceMinor = node.DeviceMinor,
            AccessTime = node.AccessTime,
            ModifyTime = node.ModifyTime,
            ChangeTime = node.ChangeTime,
            BlockSize = 4096,
        };
    }
}
