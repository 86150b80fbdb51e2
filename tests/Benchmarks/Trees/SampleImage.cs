using System.IO.Compression;
using VirtioFsStore.ImageMaker;

namespace VirtioFsStore.Benchmarks.Trees;

/// <summary>The sample tree as an image of gzip layers, the files spread over them.</summary>
sealed class SampleImage : IDisposable
{
    const int LayerCount = 3;

    readonly LayoutWriter _layout = new();

    public SampleImage(int files, long largeSize)
    {
        var tars = new byte[LayerCount][];
        for (var layer = 0; layer < LayerCount; layer++)
            tars[layer] = MakeLayer(layer, files, largeSize);
        _layout.Image("latest", LayoutWriter.GzipLayer, Compress, tars);
    }

    /// <summary>The layout's directory; its tag is latest.</summary>
    public string Layout => _layout.Path;

    public void Dispose() => _layout.Dispose();

    static byte[] MakeLayer(int layer, int files, long largeSize)
    {
        var tar = new TarWriter();
        var content = new byte[SampleTree.FileSize];
        for (var i = 0; i < files; i++)
        {
            if (i / SampleTree.FilesPerDirectory % LayerCount != layer)
                continue;
            if (i % SampleTree.FilesPerDirectory == 0)
                tar.Directory(SampleTree.DirectoryName(i) + "/");
            SampleTree.Fill(content, i);
            tar.Pax(("SCHILY.xattr.user.bench", SampleTree.AttributeValue)).File(SampleTree.FilePath(i), content);
        }
        if (layer == LayerCount - 1)
            AddRest(tar, files, largeSize);
        return tar.ToArray();
    }

    static void AddRest(TarWriter tar, int files, long largeSize)
    {
        tar.Directory(SampleTree.LinkDirectory + "/");
        for (var i = 0; i < Math.Min(files, SampleTree.LinkCount); i++)
            tar.Symlink(SampleTree.LinkPath(i), SampleTree.LinkTarget(i));
        tar.Header(SampleTree.LargeName, size: largeSize);
        var piece = new byte[SampleTree.LargePiece];
        SampleTree.Fill(piece, 0);
        for (var i = 0; i < largeSize / piece.Length; i++)
            tar.Body(piece);
    }

    static byte[] Compress(byte[] tar)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest))
            gzip.Write(tar);
        return compressed.ToArray();
    }
}
