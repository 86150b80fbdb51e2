using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.ImageMaker;

/// <summary>A layer that is to be written into a layout.</summary>
/// <param name="Tar">Uncompressed.</param>
/// <param name="Form">How it is compressed.</param>
public sealed record MadeLayer(byte[] Tar, LayerForm Form = LayerForm.Gzip)
{
    /// <summary>Bytes of tar in each member or frame where there are several; deliberately no multiple of a block.</summary>
    const int MemberSize = 3001;

    public string MediaType => Form switch
    {
        LayerForm.Plain => LayoutWriter.PlainLayer,
        LayerForm.Zstd or LayerForm.ZstdFrames => LayoutWriter.ZstdLayer,
        _ => LayoutWriter.GzipLayer,
    };

    public string DiffId => Digest.Sha256(Tar).ToString();

    /// <summary>The blob.</summary>
    public byte[] Compress() => Form switch
    {
        LayerForm.Plain => Tar,
        LayerForm.Gzip => LayoutWriter.Gzip(Tar),
        LayerForm.Zstd => LayoutWriter.ZstdFrame(Tar),
        LayerForm.GzipMembers => InParts(LayoutWriter.Gzip),
        _ => InParts(LayoutWriter.ZstdFrame),
    };

    byte[] InParts(Func<byte[], byte[]> compress) => [.. Tar.Chunk(MemberSize).SelectMany(compress)];
}
