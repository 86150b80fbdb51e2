using System.Diagnostics.CodeAnalysis;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Mounts;

/// <summary>
/// Finds the file system of a node id. A session has either one file system as its root, or a pseudo root of empty
/// directories under which file systems are mounted.
/// </summary>
public sealed class Router : IAsyncDisposable
{
    /// <summary>How many mounts a session has at a time unless it is told otherwise: bounds what a caller can make a daemon hold.</summary>
    public const int DefaultLimit = 4096;

    readonly Lock _changes = new();
    readonly PseudoFileSystem? _pseudo;
    readonly int _limit;
    int _lastIndex;
    int _queues;

    // Swapped as a whole: request paths read it without a lock. An index is never used twice, so that a stale node id stays stale.
    volatile IdTable<Mount> _mounts;

    Router(IFileSystem root, int limit)
    {
        _pseudo = root as PseudoFileSystem;
        _limit = limit;
        _mounts = IdTable<Mount>.Empty.With((0UL, new Mount(0, "/", root)));
    }

    /// <summary>A session of one file system.</summary>
    public static Router Single(IFileSystem root) => new(root, 0);

    /// <summary>A session of a pseudo root: see <see cref="Add"/>.</summary>
    /// <param name="limit">Mounts at a time, with those that were removed and are still in use.</param>
    public static Router Pseudo(int limit = DefaultLimit) => new(new PseudoFileSystem(), limit);

    /// <summary>Done before a mount that was removed, and that nothing uses any more, is closed.</summary>
    internal Func<Mount, ValueTask>? Closing { get; set; }

    /// <summary>Whether a single file system is the whole session.</summary>
    public bool IsSingle => _pseudo is null;

    /// <summary>With those that were removed and are still in use.</summary>
    public IEnumerable<Mount> Mounts => _mounts.Values;

    /// <summary>What all file systems of the session have in common.</summary>
    public FileSystemTraits CommonTraits => Mounts.Where(mount => mount.FileSystem is not PseudoFileSystem)
        .Aggregate((FileSystemTraits)(-1), (traits, mount) => traits & mount.FileSystem.Traits);

    /// <summary>What any file system of the session has.</summary>
    public FileSystemTraits AnyTraits => Mounts.Aggregate(FileSystemTraits.None, (traits, mount) => traits | mount.FileSystem.Traits);

    /// <summary>Mounts a file system below the pseudo root; missing directories on the way are made. The guest sees it at its next lookup.</summary>
    /// <param name="path">E.g. /rafs/4711/lowerdir.</param>
    /// <param name="fileSystem">Owned by the router from here on, unless this fails.</param>
    /// <exception cref="MountException">The path is (below, or above) a mount point already, or there are too many.</exception>
    public Mount Add(MountPath path, IFileSystem fileSystem)
    {
        lock (_changes)
        {
            CheckPlace(path);
            Mount? mount = null;
            mount = new Mount(_lastIndex + 1, path.Text, fileSystem) { Usage = new MountUsage(_queues, () => ThreadPool.UnsafeQueueUserWorkItem(_ => Forget(mount!), null)) };
            _mounts = _mounts.With(((ulong)mount.Index, mount));
            _pseudo!.Attach(path, mount);
            _lastIndex = mount.Index;
            return mount;
        }
    }

    /// <summary>Fails as <see cref="Add(MountPath, IFileSystem)"/> would now: for a caller who has to work for what is to be mounted.</summary>
    public void CheckPlace(MountPath path)
    {
        var pseudo = _pseudo ?? throw OnlyRoot(path);
        lock (_changes)
        {
            pseudo.CheckPlace(path);
            // The pseudo root is one of them.
            if (_mounts.Count > _limit)
                throw new MountException(MountFailure.TooMany, $"Cannot mount on {path}: there are {_limit} mounts, as many as there can be. Unmount some, and close what is open in those that are unmounted.");
            if (_lastIndex == Mount.MaxIndex)
                throw new MountException(MountFailure.TooMany, $"Cannot mount on {path}: the session has had {Mount.MaxIndex} mounts, the most that node ids can tell apart. A new daemon can go on.");
        }
    }

    /// <summary>As <see cref="Add(MountPath, IFileSystem)"/>, of a path that was not checked.</summary>
    public Mount Add(string path, IFileSystem fileSystem) => Add(MountPath.Parse(path), fileSystem);

    /// <summary>
    /// Unmounts, under a guest that may be using it: the mount point is gone at once, with the directories that led to nothing else. What is
    /// open there goes on until it is closed; then all of it answers ESTALE, and the file system is closed (<see cref="Mount.Ended"/>).
    /// </summary>
    /// <exception cref="MountException">Nothing is mounted there.</exception>
    public Mount Remove(MountPath path)
    {
        var pseudo = _pseudo ?? throw OnlyRoot(path);
        lock (_changes)
        {
            var mount = pseudo.Detach(path);
            mount.Usage!.Detach();
            return mount;
        }
    }

    /// <summary>Before a queue has its first request: <paramref name="count"/> is its number and one.</summary>
    internal void CoverQueues(int count)
    {
        lock (_changes)
        {
            if (count <= _queues)
                return;
            _queues = count;
            foreach (var mount in Mounts)
                mount.Usage?.Cover(count);
        }
    }

    /// <summary>Splits what the guest sent. False: there is no such mount (ESTALE).</summary>
    public bool TryResolve(ulong nodeId, [NotNullWhen(true)] out Mount? mount, out NodeId node)
    {
        node = new NodeId(nodeId & NodeId.MaxValue);
        mount = _mounts.Find(nodeId >> Mount.IndexShift);
        return mount is not null && !node.IsNone;
    }

    /// <summary>Whether a mount is the pseudo root itself.</summary>
    public bool IsPseudoRoot(Mount mount) => _pseudo is not null && mount.Index == 0;

    /// <summary>The file system mounted on a node of the pseudo root, if there is one.</summary>
    public Mount? MountedOn(NodeId node) => _pseudo?.MountedOn(node);

    /// <summary>All lookups and handles are gone. No request is under way.</summary>
    public void Reset()
    {
        lock (_changes)
        {
            foreach (var mount in Mounts)
            {
                mount.FileSystem.Reset();
                mount.Usage?.DropHandles();
            }
        }
    }

    /// <summary>After the session: closes all file systems.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var mount in Mounts)
            await mount.CloseAsync().ConfigureAwait(false);
    }

    static MountException OnlyRoot(MountPath path) =>
        new(MountFailure.Invalid, $"Nothing can be mounted on or unmounted from {path}: one file system is the root and all of this session.");

    void Forget(Mount mount)
    {
        lock (_changes)
            _mounts = _mounts.Without((ulong)mount.Index);
        _ = CloseAsync(mount);
    }

    async Task CloseAsync(Mount mount)
    {
        if (Closing is { } closing)
            await closing(mount).ConfigureAwait(false);
        await mount.CloseAsync().ConfigureAwait(false);
    }
}
