namespace VirtioFsStore.Fuzz.Fuse;

/// <summary>Node ids and handles that the daemon gave out, for both queues: what one makes the other uses, forgets and releases.</summary>
sealed class KnownObjects
{
    const int Most = 64;

    readonly Lock _lock = new();
    readonly List<ulong> _nodes = [1];
    readonly List<(ulong Node, ulong Handle)> _handles = [];

    /// <summary>DESTROY was sent and no INIT answered since.</summary>
    public bool HasEnded { get; private set; }

    public void End()
    {
        lock (_lock)
            HasEnded = true;
    }

    /// <summary>INIT was answered: what was known before is forgotten, most of the time.</summary>
    public void Begin(bool forget)
    {
        lock (_lock)
        {
            HasEnded = false;
            if (!forget)
                return;
            _nodes.RemoveRange(1, _nodes.Count - 1);
            _handles.Clear();
        }
    }

    public void AddNode(ulong node)
    {
        lock (_lock)
            Put(_nodes, node);
    }

    public void AddHandle(ulong node, ulong handle)
    {
        lock (_lock)
            Put(_handles, (node, handle));
    }

    public ulong Node(Random random)
    {
        lock (_lock)
            return _nodes[random.Next(_nodes.Count)];
    }

    /// <summary>A handle and the node it was opened by; made up where none is known.</summary>
    public (ulong Node, ulong Handle) Handle(Random random)
    {
        lock (_lock)
            return _handles.Count == 0 ? (1, (ulong)random.Next(4)) : _handles[random.Next(_handles.Count)];
    }

    /// <summary>The oldest go when there are many: they stay valid for the daemon, and made-up numbers meet them.</summary>
    static void Put<T>(List<T> list, T item)
    {
        if (list.Count == Most)
            list.RemoveAt(1);
        list.Add(item);
    }
}
