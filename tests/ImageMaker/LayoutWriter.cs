using System.IO.Compression;
using System.Text;
using System.Text.Json;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.ImageMaker;

/// <summary>Writes OCI layouts for tests: a temporary folder that goes when disposed.</summary>
public sealed class LayoutWriter : IDisposable
{
    public const string GzipLayer = "application/vnd.oci.image.layer.v1.tar+gzip";
    public const string ZstdLayer = "application/vnd.oci.image.layer.v1.tar+zstd";
    public const string PlainLayer = "application/vnd.oci.image.layer.v1.tar";
    public const string ManifestType = "application/vnd.oci.image.manifest.v1+json";
    public const string IndexType = "application/vnd.oci.image.index.v1+json";
    public const string ConfigType = "application/vnd.oci.image.config.v1+json";

    readonly List<string> _manifests = [];

    public LayoutWriter()
    {
        Directory.CreateDirectory(Path);
        File.WriteAllText(System.IO.Path.Combine(Path, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
    }

    public string Path { get; } = Directory.CreateTempSubdirectory("vfs-layout").FullName;

    public static string Architecture => VirtioFsStore.Backends.Overlay.Oci.Platform.Current.Architecture;

    public void Dispose() => Directory.Delete(Path, recursive: true);

    public string BlobPath(Digest digest) => System.IO.Path.Combine(Path, "blobs", digest.Algorithm, digest.Hex);

    public Digest Blob(ReadOnlySpan<byte> data)
    {
        var digest = Digest.Sha256(data);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(BlobPath(digest))!);
        File.WriteAllBytes(BlobPath(digest), data);
        return digest;
    }

    /// <summary>A descriptor in JSON of a blob that is added.</summary>
    public string Add(string mediaType, ReadOnlySpan<byte> data, string more = "") =>
        $$"""{"mediaType":"{{mediaType}}","digest":"{{Blob(data)}}","size":{{data.Length}}{{more}}}""";

    public string Add(string mediaType, string json, string more = "") => Add(mediaType, Encoding.UTF8.GetBytes(json), more);

    /// <summary>An image of gzip layers, the lowest first, tagged.</summary>
    public void Image(string tag, params byte[][] tars) => Image(tag, GzipLayer, Gzip, tars);

    public void Image(string tag, string mediaType, Func<byte[], byte[]> compress, params byte[][] tars) =>
        Tag(tag, Manifest([.. tars.Select(tar => Add(mediaType, compress(tar)))], [.. tars.Select(tar => Digest.Sha256(tar).ToString())]));

    /// <summary>A manifest's descriptor, from its layers' descriptors.</summary>
    public string Manifest(string[] layers, string[] diffIds, string? architecture = null, string more = "")
    {
        var config = Add(ConfigType, $$$"""
            {"architecture":"{{{architecture ?? Architecture}}}","os":"linux","config":{"Env":["A=b"],"Cmd":["/bin/sh"],"WorkingDir":"/"},
             "rootfs":{"type":"layers","diff_ids":{{{JsonSerializer.Serialize(diffIds)}}}}}
            """);
        return Add(ManifestType, $$"""{"schemaVersion":2,"mediaType":"{{ManifestType}}","config":{{config}},"layers":[{{string.Join(",", layers)}}]}""", more);
    }

    /// <summary>Puts a descriptor into index.json, under a tag if there is one.</summary>
    public void Tag(string? tag, string descriptor)
    {
        _manifests.Add(tag is null ? descriptor : descriptor[..^1] + $$$""","annotations":{"org.opencontainers.image.ref.name":"{{{tag}}}"}}""");
        File.WriteAllText(System.IO.Path.Combine(Path, "index.json"), $$"""{"schemaVersion":2,"manifests":[{{string.Join(",", _manifests)}}]}""");
    }

    public static byte[] Plain(byte[] data) => data;

    public static byte[] Gzip(byte[] data)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal)) gzip.Write(data);
        return compressed.ToArray();
    }

    public static unsafe byte[] ZstdFrame(byte[] data)
    {
        var compressed = new byte[(int)Zstd.CompressBound((nuint)data.Length)];
        var context = Zstd.CreateCompressor();
        fixed (byte* source = data)
        fixed (byte* target = compressed)
        {
            var length = Zstd.Compress(context, target, (nuint)compressed.Length, source, (nuint)data.Length, 3);
            Zstd.FreeCompressor(context);
            if (Zstd.IsError(length)) throw new InvalidOperationException(Zstd.ErrorName(length));
            return compressed[..(int)length];
        }
    }
}
