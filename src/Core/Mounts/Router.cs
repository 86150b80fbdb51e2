using System.Diagnostics.CodeAnalysis;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Mounts;

/// <summary>
/// Finds the file system of a node id. A session has either one file system as its root, or a pseudo root of empty
/// directories under which file systems are mounted.
/// </summary>
public sealed class Router
{
    readonly Lock _changes = new();
    readonly PseudoFileSystem? _pseudo;

    // Swapped as a whole: request paths read it without a lock. An index is never used twice, so that a stale node id stays stale.
    volatile Mount?[] _mounts;

    Router(IFileSystem root)
    {
        _pseudo = root as PseudoFileSystem;
        _mounts = [new Mount(0, "/", root)];
    }

    /// <summary>A session of one file system.</summary>
    public static Router Single(IFileSystem root) => new(root);

    /// <summary>A session of a pseudo root: see <see cref="Add"/>.</summary>
    public static Router Pseudo() => new(new PseudoFileSystem());

    /// <summary>Whether a single file system is the whole session.</summary>
    public bool IsSingle => _pseudo is null;

    public IEnumerable<Mount> Mounts => _mounts.OfType<Mount>();

    /// <summary>What all file systems of the session have in common.</summary>
    public FileSystemTraits CommonTraits => Mounts.Where(mount => mount.FileSystem is not PseudoFileSystem)
        .Aggregate((FileSystemTraits)(-1), (traits, mount) => traits & mount.FileSystem.Traits);

    /// <summary>What any file system of the session has.</summary>
    public FileSystemTraits AnyTraits => Mounts.Aggregate(FileSystemTraits.None, (traits, mount) => traits | mount.FileSystem.Traits);

    /// <summary>Mounts a file system below the pseudo root; missing directories on the way are made.</summary>
    /// <param name="path">Absolute, e.g. /rafs/4711/lowerdir.</param>
    /// <param name="fileSystem">Owned by the router from here on.</param>
    /// <exception cref="ArgumentException">The path is not absolute, has "." or ".." or an overlong name, or is (below) a mount point already.</exception>
    public Mount Add(string path, IFileSystem fileSystem)
    {
        if (_pseudo is null)
            throw new InvalidOperationException("This session has one file system as its root; nothing can be mounted in it.");
        lock (_changes)
        {
            var mounts = _mounts;
            if (mounts.Length > Mount.MaxIndex)
                throw new InvalidOperationException($"The session has had {Mount.MaxIndex} mounts, the most that node ids can tell apart.");
            var mount = new Mount(mounts.Length, path, fileSystem);
            _mounts = [.. mounts, mount];
            try
            {
                _pseudo.Attach(path, mount);
            }
            catch
            {
                _mounts = mounts;
                throw;
            }
            return mount;
        }
    }

    /// <summary>Splits what the guest sent. False: there is no such mount (ESTALE).</summary>
    public bool TryResolve(ulong nodeId, [NotNullWhen(true)] out Mount? mount, out NodeId node)
    {
        var mounts = _mounts;
        var index = nodeId >> Mount.IndexShift;
        node = new NodeId(nodeId & NodeId.MaxValue);
        mount = index < (ulong)mounts.Length ? mounts[index] : null;
        return mount is not null && !node.IsNone;
    }

    /// <summary>Whether a mount is the pseudo root itself.</summary>
    public bool IsPseudoRoot(Mount mount) => _pseudo is not null && mount.Index == 0;

    /// <summary>The file system mounted on a node of the pseudo root, if there is one.</summary>
    public Mount? MountedOn(NodeId node) => _pseudo?.MountedOn(node);

    /// <summary>All lookups and handles are gone.</summary>
    public void Reset()
    {
        foreach (var mount in Mounts)
            mount.FileSystem.Reset();
    }
}
