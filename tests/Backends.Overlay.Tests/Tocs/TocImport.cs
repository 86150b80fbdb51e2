using System.Security.Cryptography;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;
using VirtioFsStore.Backends.Overlay.Tests.IndexBlobs;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Tocs;

/// <summary>A layer with a table of contents in a layout, to be imported by it and to be streamed.</summary>
sealed class TocImport : IAsyncDisposable
{
    readonly string _root = Directory.CreateTempSubdirectory("vfs-toc").FullName;
    readonly LayoutWriter? _layout;
    readonly LayoutImageSource _source;
    int _folders;

    public TocImport(TocLayer made, Compression compression)
    {
        _layout = new LayoutWriter();
        _source = new LayoutImageSource(_layout.Path);
        Layer = new ImageLayer(new Descriptor("layer", _layout.Blob(made.Blob), made.Blob.Length, null, made.Annotations), compression, Digest.Sha256(made.Tar));
    }

    /// <summary>A layer of an image that is there.</summary>
    public TocImport(string layout, ImageLayer layer) => (_source, Layer) = (new LayoutImageSource(layout), layer);

    public ImageLayer Layer { get; set; }

    /// <summary>Why it is to be streamed.</summary>
    public List<string> Explained { get; } = [];

    /// <returns>The layer's folder, or null where it is to be streamed.</returns>
    public async Task<string?> TryAsync(RemoteIndexPolicy policy = RemoteIndexPolicy.Pinned)
    {
        var folder = NewFolder();
        if (await LayerImporter.TryImportAsync(folder, Layer, _source, policy, Explained.Add, default)) return folder;
        Assert.Empty(Directory.GetFileSystemEntries(folder));
        return null;
    }

    public async Task<string> StreamAsync()
    {
        var folder = NewFolder();
        await using var blob = await _source.OpenBlobAsync(Layer.Blob, default);
        await LayerBuilder.BuildAsync(folder, Layer, blob, null, default);
        return folder;
    }

    /// <summary>The same entries at the same places as when the layer is streamed, and each piece is what its span gives.</summary>
    public async Task AssertLikeStreamedAsync()
    {
        var imported = await TryAsync();
        Assert.Empty(Explained);
        var streamed = await StreamAsync();
        using var expected = LayerIndex.Open(Path.Combine(streamed, LayerBuilder.IndexName));
        using var actual = LayerIndex.Open(Path.Combine(imported!, LayerBuilder.IndexName));
        Assert.Equal(IndexText.EntriesOf(expected), IndexText.EntriesOf(actual));
        IndexSoundness.Check(actual);
        var data = await File.ReadAllBytesAsync(Path.Combine(streamed, LayerBuilder.DataName));
        Assert.Equal(data.Length, new FileInfo(Path.Combine(imported!, LayerBuilder.DataName)).Length);
        await using var blob = await _source.OpenBlobAsync(Layer.Blob, default);
        foreach (var span in actual.ReadSpans())
        {
            var bytes = new byte[span.OutEnd - span.Start.OutOffset];
            await SpanReader.ReadAsync(blob, Layer.Compression, span.Start, span.InEnd, bytes, default);
            foreach (var piece in actual.ReadPieces(span.FirstPiece, span.PieceCount))
            {
                var content = bytes.AsSpan((int)(piece.StreamOffset - span.Start.OutOffset), (int)piece.Length);
                Assert.True(content.SequenceEqual(data.AsSpan((int)piece.DataOffset, (int)piece.Length)));
                if (span.Sha256.IsEmpty) Assert.Equal(piece.Sha256.Span, SHA256.HashData(content));
            }
        }
    }

    /// <summary>Puts a SOCI index into the layout that has this table for the layer, and lets the image pin it.</summary>
    public void AddSociIndex(byte[] table)
    {
        var index = ZtocWriter.AddIndex(_layout!, Layer.Blob.Digest, table);
        _layout!.Tag(null, index);
        Layer = Layer with { SociIndex = new ImageReference(ImageScheme.Layout, _layout.Path, null, ZtocWriter.DigestOf(index)) };
    }

    public string BlobPath(Digest digest) => _layout!.BlobPath(digest);

    public LayerCache OpenCache(string folder)
    {
        var files = new LayerFiles(
            Path.Combine(folder, LayerBuilder.DataName), Path.Combine(folder, LayerBuilder.StateName), Path.Combine(folder, "used"), Path.Combine(folder, LayerBuilder.PieceDigestsName));
        var store = PieceStore.Open(files, () => LayerIndex.Open(Path.Combine(folder, LayerBuilder.IndexName)));
        return new LayerCache(store, stop => _source.OpenBlobAsync(Layer.Blob, stop));
    }

    /// <summary>The data file after all of it was fetched in pieces of <paramref name="step"/> at once.</summary>
    public async Task<byte[]> FetchAsync(string folder, int step)
    {
        var cache = OpenCache(folder);
        var store = cache.Store;
        await using (cache)
        {
            for (var first = 0L; first < store.PieceCount; first += step)
                Assert.Equal(Errno.None, await cache.EnsureAsync(first, (int)Math.Min(step, store.PieceCount - first), null, default));
            Assert.Equal(0, store.Counters.Read().VerifyFailures);
        }

        return await File.ReadAllBytesAsync(Path.Combine(folder, LayerBuilder.DataName));
    }

    public async ValueTask DisposeAsync()
    {
        await _source.DisposeAsync();
        _layout?.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    string NewFolder() => Directory.CreateDirectory(Path.Combine(_root, $"{_folders++}")).FullName;
}
