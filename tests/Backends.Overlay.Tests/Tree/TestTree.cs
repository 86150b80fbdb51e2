using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Tests.Merge;
using VirtioFsStore.Backends.Overlay.Tree;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Tests.Tree;

/// <summary>Layers in memory → a tree file in a folder of its own.</summary>
sealed class TestTree : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vfs-tree");

    public TestTree(params TestLayer[] layers)
    {
        Key = KeyOf(layers.Length);
        using var file = File.Create(FilePath);
        new TreeWriter(
            TestLayer.Merge(layers), Key, (layer, first, count) => layers[layer].Pieces.Skip((int)first).Take(count)).Write(file);
    }

    public TreeKey Key { get; }

    public string FilePath => Path.Combine(_folder.FullName, "tree");

    public static TreeKey KeyOf(int layers) =>
        new([.. Enumerable.Range(0, layers).Select(i => new LayerIdentity(Digest.Sha256([(byte)i]), null))]);

    public ImageTree Open(bool verify = true)
    {
        using var file = new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Open(FilePath, OpenFlags.O_RDONLY), "open", FilePath));
        return ImageTree.Open(file.Value, FilePath, Key, verify);
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
