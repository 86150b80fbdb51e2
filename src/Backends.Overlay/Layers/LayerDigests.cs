using System.Globalization;
using System.Security.Cryptography;
using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>What a start has to know of an indexed layer, in a small text file, so that it need not open the index.</summary>
/// <param name="Blob">Of the blob as it is stored.</param>
/// <param name="Size">Of the blob in bytes; null in files of programs that did not note it.</param>
/// <param name="DiffId">Of the uncompressed stream.</param>
/// <param name="Index">Of the index file: one with other bytes was damaged on the disk.</param>
/// <param name="RemoteIndex">Of the index blob or table of contents that it was made from, if somebody else made that; null where the layer was
/// streamed here, and its digests were compared. With one, <paramref name="Size"/> and <paramref name="DiffId"/> are what the image says for which it was
/// made.</param>
public sealed record LayerDigests(Digest Blob, long? Size, Digest DiffId, Digest Index, Digest? RemoteIndex = null)
{
    const int MaxSize = 1024;
    const string SizeName = "size ";

    public static Digest OfIndex(string path)
    {
        using var file = File.OpenRead(path);
        return Digest.FromHash("sha256", SHA256.HashData(file));
    }

    /// <summary>Of a layer whose size is known.</summary>
    public void Write(string path) => File.WriteAllText(path, string.Create(
        CultureInfo.InvariantCulture, $"blob {Blob}\n{SizeName}{Size}\ndiff-id {DiffId}\nindex {Index}\n") + (RemoteIndex is null ? "" : $"remote-index {RemoteIndex}\n"));

    /// <summary>Null where there is no such file, or it was damaged.</summary>
    public static LayerDigests? TryRead(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists || file.Length > MaxSize) return null;
        var lines = File.ReadAllText(path).Split('\n').ToList();
        long? size = null;
        if (lines.Count > 1 && lines[1].StartsWith(SizeName, StringComparison.Ordinal))
        {
            if (!long.TryParse(lines[1].AsSpan(SizeName.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var said)) return null;
            size = said;
            lines.RemoveAt(1);
        }

        if (lines.Count is not (4 or 5) || Value(lines[0], "blob ") is not { } blob || Value(lines[1], "diff-id ") is not { } diffId || Value(lines[2], "index ") is not { } index)
            return null;
        if (lines.Count == 4) return new LayerDigests(blob, size, diffId, index);
        return Value(lines[3], "remote-index ") is { } remote ? new LayerDigests(blob, size, diffId, index, remote) : null;

        static Digest? Value(string line, string name) => line.StartsWith(name, StringComparison.Ordinal) ? Digest.TryParse(line[name.Length..]) : null;
    }
}
