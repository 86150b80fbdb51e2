using VirtioFsStore.Backends.Overlay.IndexBlobs;

namespace VirtioFsStore.Backends.Overlay.Tests.IndexBlobs;

/// <summary>An index blob taken apart, so that single values of it can be bent beneath compression and lengths.</summary>
/// <param name="Header">As it was.</param>
/// <param name="Sections">Decompressed.</param>
sealed record BlobParts(IndexBlobHeader Header, IReadOnlyList<byte[]> Sections)
{
    public static BlobParts Of(string path)
    {
        var blob = File.ReadAllBytes(path);
        var header = IndexBlobHeader.Decode(blob.AsMemory(0, Math.Min(blob.Length, IndexBlobFormat.MaxHeaderSize)), blob.Length, out var length);
        using var file = File.OpenHandle(path);
        var sections = new List<byte[]>();
        var offset = (long)length;
        foreach (var (packed, size) in header.Sections)
        {
            using var reader = new SectionReader(file, offset, packed, size);
            var bytes = new byte[size];
            reader.Read(bytes);
            reader.Complete();
            sections.Add(bytes);
            offset += packed;
        }

        return new BlobParts(header, sections);
    }

    public BlobParts With(IndexSection section, byte[] bytes) =>
        this with { Sections = [.. Sections.Select((old, i) => i == (int)section ? bytes : old)] };

    public byte[] Join() => Join(null, null);

    /// <param name="replaced">A section that is not this blob's own; null for none.</param>
    /// <param name="write">Writes it.</param>
    public byte[] Join(IndexSection? replaced, Action<SectionWriter>? write)
    {
        using var body = new MemoryStream();
        var lengths = new List<(long, long)>();
        for (var i = 0; i < Sections.Count; i++)
        {
            using var writer = new SectionWriter(body, 1);
            if (i == (int?)replaced) write!(writer);
            else writer.Write(Sections[i]);
            lengths.Add(writer.Complete());
        }

        return [.. (Header with { Sections = lengths }).Encode(), .. body.ToArray()];
    }
}
