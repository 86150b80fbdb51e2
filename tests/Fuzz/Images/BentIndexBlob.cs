using VirtioFsStore.Backends.Overlay.IndexBlobs;

namespace VirtioFsStore.Fuzz.Images;

/// <summary>Damage to an index blob, beneath the compression of its sections and with lengths that are right again.</summary>
static class BentIndexBlob
{
    public static byte[] Of(Random random, string path)
    {
        var blob = File.ReadAllBytes(path);
        var header = IndexBlobHeader.Decode(blob.AsMemory(0, Math.Min(blob.Length, IndexBlobFormat.MaxHeaderSize)), blob.Length, out var length);
        using var file = File.OpenHandle(path);
        using var body = new MemoryStream();
        var sections = new List<(long, long)>();
        var offset = (long)length;
        var bent = random.Next(IndexBlobHeader.SectionCount);
        foreach (var (packed, size) in header.Sections)
        {
            using var reader = new SectionReader(file, offset, packed, size);
            var bytes = new byte[size];
            reader.Read(bytes);
            using var writer = new SectionWriter(body, 1);
            writer.Write(sections.Count == bent ? Damage.Of(random, bytes) : bytes);
            sections.Add(writer.Complete());
            offset += packed;
        }

        var info = header.Info;
        if (random.Next(4) == 0) info = info with { EntryCount = info.EntryCount + random.Next(-1, 2), PieceCount = info.PieceCount + random.Next(-1, 2), StreamSize = random.NextInt64() };
        return [.. (header with { Info = info, Sections = sections }).Encode(), .. body.ToArray()];
    }
}
