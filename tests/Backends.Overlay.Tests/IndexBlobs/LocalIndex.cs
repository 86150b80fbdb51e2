using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.ImageMaker;

namespace VirtioFsStore.Backends.Overlay.Tests.IndexBlobs;

/// <summary>A layer that was streamed and indexed here, and the blob of its index.</summary>
sealed class LocalIndex : IDisposable
{
    readonly string _root = Directory.CreateTempSubdirectory("vfs-index").FullName;
    int _imports;

    LocalIndex(ImageLayer layer) => Layer = layer;

    public ImageLayer Layer { get; }

    /// <summary>The layer's folder.</summary>
    public string Folder => Path.Combine(_root, "layer");

    public string BlobPath => Path.Combine(_root, "index-blob");

    public byte[] Blob => File.ReadAllBytes(BlobPath);

    public static async Task<LocalIndex> CreateAsync(MadeLayer made)
    {
        var bytes = made.Compress();
        var compression = made.MediaType switch
        {
            LayoutWriter.PlainLayer => Compression.None,
            LayoutWriter.ZstdLayer => Compression.Zstd,
            _ => Compression.Gzip,
        };
        var descriptor = new Descriptor(made.MediaType, Digest.Sha256(bytes), bytes.Length, null, new Dictionary<string, string>());
        var index = new LocalIndex(new ImageLayer(descriptor, compression, Digest.Parse(made.DiffId)));
        Directory.CreateDirectory(index.Folder);
        var path = Path.Combine(index._root, "layer-blob");
        await File.WriteAllBytesAsync(path, bytes);
        await using (var source = FileRangeSource.Open(path, default))
            await LayerBuilder.BuildAsync(index.Folder, index.Layer, source, null, default);
        using var local = index.Open();
        IndexBlobWriter.Write(local, index.BlobPath);
        return index;
    }

    public LayerIndex Open() => LayerIndex.Open(Path.Combine(Folder, LayerBuilder.IndexName));

    /// <summary>The folder of the last <see cref="Import"/>, also of one that was refused.</summary>
    public string LastImport => Path.Combine(_root, $"import-{_imports}");

    /// <summary>Takes a blob as another host would.</summary>
    /// <returns>The folder that it makes.</returns>
    /// <exception cref="ImageException">The blob is refused.</exception>
    public string Import(byte[] blob)
    {
        _imports++;
        var folder = LastImport;
        Directory.CreateDirectory(folder);
        var path = Path.Combine(_root, "imported-blob");
        File.WriteAllBytes(path, blob);
        IndexBlob.Import(folder, Layer, Digest.Sha256(blob), path, default);
        return folder;
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
