using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Check;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.DevFuse;
using VirtioFsStore.Core.Fuse;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;

namespace VirtioFsStore.Fuzz.Differential;

/// <summary>Images side by side in one mount of this host's kernel, each under its name.</summary>
sealed class MountedImages : IDisposable
{
    readonly WorkFolder _folder = new(Path.GetTempPath());
    readonly List<ImageFileSystem> _systems = [];
    readonly LocalKeeper? _keeper;
    readonly DevFuseServer? _server;
    readonly Thread? _serving;

    /// <param name="layout">An OCI layout.</param>
    /// <param name="tags">Of images in it.</param>
    /// <param name="lazily">Whether their indexes are put beside them, and what is served has nothing but those at first.</param>
    /// <exception cref="ImageException">One of them is refused.</exception>
    public MountedImages(string layout, IReadOnlyCollection<string> tags, bool lazily)
    {
        try
        {
            Directory.CreateDirectory(MountPoint);
            _keeper = new LocalKeeper(StoreDirectory.Open(Path.Combine(_folder.Path, "store")));
            var provider = new ImageProvider(_keeper);
            var router = Router.Pseudo();
            var suffix = lazily ? ImageIndexer.TagSuffix : "";
            if (lazily) IndexAsync(layout, tags).GetAwaiter().GetResult();
            foreach (var tag in tags)
            {
                var opened = provider.OpenAsync(Request(layout, tag + suffix), null, default).GetAwaiter().GetResult();
                _systems.Add(opened.FileSystem);
                Opened[tag] = opened;
                router.Add("/" + tag, opened.FileSystem);
            }
            _server = new DevFuseServer(
                new DevFuseOptions { MountPoint = MountPoint, Flags = MountFlags.ReadOnly, AllowOther = true }, new FuseSession(router, new SessionOptions(), NullLogger.Instance), NullLogger.Instance);
            _server.Start();
            _serving = new Thread(() => _server.Wait()) { IsBackground = true };
            _serving.Start();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Dictionary<string, OpenedImage> Opened { get; } = [];

    public string MountPoint => Path.Combine(_folder.Path, "mounted");

    /// <summary>Of the layers: pieces that are in the store now, and all of them.</summary>
    public (long Present, long All) CountPieces()
    {
        var (present, all) = (0L, 0L);
        _keeper!.WorkAsync(
            new CacheWork(CacheWorkKind.Count),
            layer => (present, all) = (present + layer.Present, all + layer.Pieces), default).AsTask().GetAwaiter().GetResult();
        return (present, all);
    }

    public HostFolder Open(string tag) => new(Path.Combine(MountPoint, tag));

    async Task IndexAsync(string layout, IEnumerable<string> tags)
    {
        var store = StoreDirectory.Open(Path.Combine(_folder.Path, "indexing"));
        await using var keeper = new LocalKeeper(store);
        foreach (var tag in tags)
        {
            await using var place = ImageSources.Open(ImageReference.Parse($"oci:{layout}"), new RemoteOptions());
            var image = await LocalKeeper.ResolveAsync(place, Request(layout, tag), default);
            await keeper.EnsureLayersAsync(image, place, RemoteIndexPolicy.Never, null, default);
            await new ImageIndexer(store).PushAsync(image, place, tag + ImageIndexer.TagSuffix, null, default);
        }
    }

    static ImageRequest Request(string layout, string tag) => new(ImageReference.Parse($"oci:{layout}:{tag}"), Platform.Current);

    public void Dispose()
    {
        // With force the connection ends, also where mount namespaces that were made meanwhile have copies of the mount.
        if (Mounting.Unmount(MountPoint, Mounting.MNT_FORCE) < 0)
            _ = Mounting.Unmount(MountPoint, Mounting.MNT_FORCE | Mounting.MNT_DETACH);
        _serving?.Join();
        _server?.Dispose();
        foreach (var system in _systems)
            system.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _keeper?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _folder.Dispose();
    }
}
