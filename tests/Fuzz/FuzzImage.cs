using VirtioFsStore.Backends.Overlay.Check;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.ImageMaker;

namespace VirtioFsStore.Fuzz;

/// <summary>An image in a store of its own: what a target needs of it is made once.</summary>
sealed class FuzzImage : IDisposable
{
    readonly WorkFolder _folder = Scratch.Create();
    readonly LayoutWriter _layout = new();

    public FuzzImage(MadeImage image)
    {
        image.AddTo(_layout);
        Reference = ImageReference.Parse($"oci:{_layout.Path}:{image.Name}");
    }

    /// <summary>One of each type, in three layers, with a file of several pieces.</summary>
    public static MadeImage Sample { get; } = new(
        "sample",
        new TarWriter().Directory("dir/").File("dir/a", new string('a', 5000)).File("a", "content").HardLink("b", "a").Symlink("link", "dir/a").Header("fifo", '6')
            .Header("c", '3', major: 1, minor: 3).Pax(("SCHILY.xattr.user.a", "1"), ("SCHILY.xattr.user.b", "two")).File("d", "with attributes").File("big", new string('b', 3_000_000)),
        new TarWriter().File(".wh.link", "").Directory("dir2/").File("dir2/f0", "zero").Directory("dir/").File("dir/.wh..wh..opq", "").File("dir/b", "b"),
        new TarWriter().Entry(
            new MadeEntry("sparse", '0') { Data = TarWriter.Bytes("startend"), Extents = [(0, 5), (100_000, 3)], RealSize = 100_003 }, HeaderDialect.Gnu));

    public ImageReference Reference { get; }

    public string StorePath => Path.Combine(_folder.Path, "store");

    public string LayoutPath => _layout.Path;

    /// <param name="store">The store's folder; null for the image's own.</param>
    public ImageFileSystem Open(string? store = null) =>
        new ImageProvider(new LocalKeeper(StoreDirectory.Open(store ?? StorePath))).OpenAsync(new ImageRequest(Reference, Platform.Current), null, default)
            .GetAwaiter().GetResult().FileSystem;

    public void Dispose()
    {
        _layout.Dispose();
        _folder.Dispose();
    }
}
