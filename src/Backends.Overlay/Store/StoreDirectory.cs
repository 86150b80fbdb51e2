using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>The folder that holds what is built from images; docs/formats.md draws it. Format versions are part of the folder
/// names, so that programs of different versions share a store.</summary>
public sealed partial class StoreDirectory
{
    public const string SystemPath = "/var/lib/virtiofs-store";

    const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    StoreDirectory(string path) => Root = path;

    public string Root { get; }

    string Temporary => Path.Combine(Root, "tmp");

    string Locks => Path.Combine(Root, "locks");

    /// <summary>The store that is used when none is named.</summary>
    /// <exception cref="ImageException">There is no home to put it in.</exception>
    public static string DefaultPath(bool isRoot, Func<string, string?> environment)
    {
        if (isRoot) return SystemPath;
        // XDG base directory specification: a relative XDG_CACHE_HOME is to be ignored.
        if (environment("XDG_CACHE_HOME") is { } cache && Path.IsPathFullyQualified(cache)) return Path.Combine(cache, "virtiofs-store");
        if (environment("HOME") is { } home && Path.IsPathFullyQualified(home)) return Path.Combine(home, ".cache", "virtiofs-store");
        throw new ImageException("there is no place for the store: neither XDG_CACHE_HOME nor HOME is set to an absolute path; name a folder with --store");
    }

    /// <summary>Opens a store, making its folders where they are missing; readable to its owner alone, since images hold
    /// files that not everyone may read.</summary>
    /// <exception cref="ImageException">The folders cannot be made.</exception>
    public static StoreDirectory Open(string path)
    {
        if (path.Length == 0) throw new ImageException("the store's path is empty; name a folder with --store");
        var store = new StoreDirectory(Path.GetFullPath(path));
        try
        {
            foreach (var folder in (string[])[store.Root, store.Temporary, store.Locks])
                Directory.CreateDirectory(folder, OwnerOnly);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageException($"the store {store.Root} cannot be used: {e.Message}; name another folder with --store", e);
        }

        store.RemoveUnfinished();
        return store;
    }

    /// <summary>A lock of the store's, held until it is disposed of; null while another has it.</summary>
    public StoreLock? TryLock(string name) => StoreLock.TryAcquire(Path.Combine(Locks, name));

    /// <summary>Waits for a lock of the store's.</summary>
    public ValueTask<StoreLock> LockAsync(string name, CancellationToken cancellation) => StoreLock.AcquireAsync(Path.Combine(Locks, name), cancellation);

    /// <summary>Where the files of one kind and format lie, such as <c>trees-v1</c>; the folder is made by
    /// <see cref="EnsureAsync"/>.</summary>
    public string Folder(string kind, int version) => Path.Combine(Root, $"{kind}-v{version}");

    /// <summary>The folder of an indexed layer: it is there only when all of it is.</summary>
    public string LayerFolder(Digest layer) => Path.Combine(Folder("layers", LayerSchema.Version), layer.Algorithm, layer.Hex);

    public string LayerPath(Digest layer, LayerFile file) => Path.Combine(LayerFolder(layer), NameOf(file));

    internal static string NameOf(LayerFile file) => file switch
    {
        LayerFile.Index => LayerBuilder.IndexName,
        LayerFile.Data => LayerBuilder.DataName,
        LayerFile.State => LayerBuilder.StateName,
        _ => throw new ArgumentOutOfRangeException(nameof(file)),
    };

    /// <summary>The layers that are indexed in the store, in no order.</summary>
    public IEnumerable<Digest> Layers()
    {
        var root = Folder("layers", LayerSchema.Version);
        if (!Directory.Exists(root)) yield break;
        foreach (var algorithm in Directory.EnumerateDirectories(root))
            foreach (var layer in Directory.EnumerateDirectories(algorithm))
                if (Digest.TryParse($"{Path.GetFileName(algorithm)}:{Path.GetFileName(layer)}") is { } digest)
                    yield return digest;
    }

    /// <summary>What the store has of a layer; null if it has none, or what it has cannot be trusted.</summary>
    public LayerDigests? ReadLayerDigests(Digest layer)
    {
        using var stored = TryOpenLayer(layer);
        return stored?.Digests;
    }

    /// <exception cref="ImageException">The layer is not in the store, or its index is damaged.</exception>
    public LayerIndex OpenLayerIndex(Digest layer)
    {
        using var stored = TryOpenLayer(layer) ?? throw new ImageException($"layer {layer} is not in the store {Root}");
        return stored.OpenIndex();
    }

    /// <summary>Null if the store has no such layer, or what it has cannot be trusted.</summary>
    internal StoredLayer? TryOpenLayer(Digest layer) => StoredLayer.TryOpen(LayerFolder(layer), layer);
}
