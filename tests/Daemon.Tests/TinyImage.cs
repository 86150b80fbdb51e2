using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>An OCI layout of one small gzip layer, tag latest: enough to serve and to lose a server over.</summary>
static class TinyImage
{
    const UnixFileMode DefaultMode = (UnixFileMode)0x1A0;

    /// <param name="path">Made.</param>
    /// <param name="files">Content by path; mode 0640, root's.</param>
    /// <param name="xattrs">Of each file: name and value.</param>
    public static string Create(string path, IReadOnlyDictionary<string, byte[]> files, params ReadOnlySpan<(string Name, byte[] Value)> xattrs) =>
        Create(path, files, DefaultMode, xattrs);

    /// <inheritdoc cref="Create(string, IReadOnlyDictionary{string, byte[]}, ReadOnlySpan{ValueTuple{string, byte[]}})"/>
    /// <param name="mode">Of each file.</param>
    public static string Create(string path, IReadOnlyDictionary<string, byte[]> files, UnixFileMode mode, params ReadOnlySpan<(string Name, byte[] Value)> xattrs) =>
        Create(path, files, mode, 1, xattrs);

    /// <summary>Lists its one layer several times.</summary>
    public static string CreateRepeated(string path, IReadOnlyDictionary<string, byte[]> files, int times) => Create(path, files, DefaultMode, times, []);

    static string Create(string path, IReadOnlyDictionary<string, byte[]> files, UnixFileMode mode, int times, ReadOnlySpan<(string Name, byte[] Value)> xattrs)
    {
        Directory.CreateDirectory(Path.Combine(path, "blobs/sha256"));
        var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, TarEntryFormat.Ustar, leaveOpen: true))
        {
            foreach (var (name, content) in files)
            {
                WriteXattrs(tar, xattrs);
                writer.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content), Mode = mode });
            }
        }
        var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(tar.ToArray());
        var layer = Put(path, compressed.ToArray());
        var architecture = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64";
        var config = Put(path, Encoding.UTF8.GetBytes(
            $$$"""{"architecture":"{{{architecture}}}","os":"linux","rootfs":{"type":"layers","diff_ids":[{{{Repeated($"\"{Digest(tar.ToArray())}\"")}}}]}}"""));
        var manifest = Put(path, Encoding.UTF8.GetBytes(
            $$$"""
            {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
            "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{{{config.Digest}}}","size":{{{config.Size}}}},
            "layers":[{{{Repeated($$"""{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{{layer.Digest}}","size":{{layer.Size}}}""")}}}]}
            """));
        File.WriteAllText(Path.Combine(path, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
        File.WriteAllText(Path.Combine(path, "index.json"),
            $$$"""
            {"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{{{manifest.Digest}}}",
            "size":{{{manifest.Size}}},"annotations":{"org.opencontainers.image.ref.name":"latest"}}]}
            """);
        return path;

        string Repeated(string item) => string.Join(',', Enumerable.Repeat(item, times));
    }

    /// <summary>An extended header for the entry that follows. Its values may be any bytes, which TarWriter's cannot.</summary>
    static void WriteXattrs(MemoryStream tar, ReadOnlySpan<(string Name, byte[] Value)> xattrs)
    {
        if (xattrs.IsEmpty)
            return;
        var records = new MemoryStream();
        foreach (var (name, value) in xattrs)
        {
            // The length counts itself.
            var text = $" SCHILY.xattr.{name}=";
            var length = text.Length + value.Length + 1;
            length += length + 2 < 100 ? 2 : 3;
            records.Write(Encoding.ASCII.GetBytes(length + text));
            records.Write(value);
            records.WriteByte((byte)'\n');
        }
        var header = new byte[512];
        "xattrs"u8.CopyTo(header);
        Encoding.ASCII.GetBytes($"{Convert.ToString(records.Length, 8).PadLeft(11, '0')}\0").CopyTo(header, 124);
        header[156] = (byte)'x';
        "ustar\000"u8.CopyTo(header.AsSpan(257));
        header.AsSpan(148, 8).Fill((byte)' ');
        Encoding.ASCII.GetBytes($"{Convert.ToString(header.Sum(part => part), 8).PadLeft(6, '0')}\0 ").CopyTo(header, 148);
        tar.Write(header);
        records.SetLength((records.Length + 511) / 512 * 512);
        tar.Write(records.ToArray());
    }

    static (string Digest, int Size) Put(string path, byte[] blob)
    {
        var digest = Digest(blob);
        File.WriteAllBytes(Path.Combine(path, "blobs", digest.Replace(':', '/')), blob);
        return (digest, blob.Length);
    }

    static string Digest(byte[] bytes) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(bytes))}";
}
