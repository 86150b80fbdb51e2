using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Backends.Overlay.Check;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Oci;
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
    readonly DevFuseServer? _server;
    readonly Thread? _serving;

    /// <param name="layout">An OCI layout.</param>
    /// <param name="tags">Of images in it.</param>
    /// <exception cref="ImageException">One of them is refused.</exception>
    public MountedImages(string layout, IEnumerable<string> tags)
    {
        try
        {
            Directory.CreateDirectory(MountPoint);
            var provider = new ImageProvider(new LocalKeeper(StoreDirectory.Open(Path.Combine(_folder.Path, "store"))));
            var router = Router.Pseudo();
            foreach (var tag in tags)
            {
                var opened = provider.OpenAsync(new ImageRequest(ImageReference.Parse($"oci:{layout}:{tag}"), Platform.Current), null, default).GetAwaiter().GetResult();
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

    public HostFolder Open(string tag) => new(Path.Combine(MountPoint, tag));

    public void Dispose()
    {
        // With force the connection ends, also where mount namespaces that were made meanwhile have copies of the mount.
        if (Mounting.Unmount(MountPoint, Mounting.MNT_FORCE) < 0)
            _ = Mounting.Unmount(MountPoint, Mounting.MNT_FORCE | Mounting.MNT_DETACH);
        _serving?.Join();
        _server?.Dispose();
        foreach (var system in _systems)
            system.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _folder.Dispose();
    }
}
