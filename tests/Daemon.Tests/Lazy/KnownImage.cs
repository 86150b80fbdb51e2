using VirtioFsStore.ImageMaker;

namespace VirtioFsStore.Daemon.Tests.Lazy;

/// <summary>An image of two gzip layers, some megabytes, whose content is known to the byte.</summary>
public sealed class KnownImage
{
    /// <summary>Around the bounds of pages, of pieces and of spans.</summary>
    static readonly int[] s_sizes = [0, 1, 100, 4095, 4096, 4097, 60_000, 131_072, 300_001, 700_000, LargeFileSize];

    /// <param name="seed">Images of one seed are the same.</param>
    public KnownImage(int seed)
    {
        var random = new Random(seed);
        var (lower, upper) = (new TarWriter(), new TarWriter());
        var files = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var (layer, name) in new[] { (lower, "lower"), (upper, "upper") })
        {
            layer.Directory($"{name}/");
            foreach (var size in s_sizes)
            {
                var path = $"{name}/f{size}";
                files.Add(path, Content(random, size));
                layer.File(path, files[path]);
            }
        }
        Files = files;
        Layers = [lower.ToArray(), upper.ToArray()];
    }

    /// <summary>Content by path.</summary>
    public IReadOnlyDictionary<string, byte[]> Files { get; }

    /// <summary>Tar streams, the lowest first.</summary>
    public IReadOnlyList<byte[]> Layers { get; }

    /// <summary>A file of several spans.</summary>
    public static string LargeFile => $"lower/f{LargeFileSize}";

    public const int LargeFileSize = 1_500_000;

    /// <summary>A file of another layer than <see cref="LargeFile"/>'s.</summary>
    public static string OtherFile => "upper/f300001";

    /// <summary>Six bits in each byte: it compresses a little, so that there are blocks of deflate to seek to.</summary>
    static byte[] Content(Random random, int size)
    {
        var content = new byte[size];
        random.NextBytes(content);
        for (var i = 0; i < size; i++)
            content[i] &= 0x3F;
        return content;
    }
}
