using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.Tocs;

/// <summary>What an entry of a table of contents says of a part of a file. It is kept until the file ends, so it has no more bytes than the entry was
/// written with.</summary>
/// <param name="Offset">See <see cref="TocEntry.Offset"/>.</param>
/// <param name="InnerOffset">See <see cref="TocEntry.InnerOffset"/>.</param>
/// <param name="ChunkOffset">See <see cref="TocEntry.ChunkOffset"/>.</param>
/// <param name="ChunkSize">See <see cref="TocEntry.ChunkSize"/>.</param>
/// <param name="Sha256">Of the part, 32 bytes; null where the entry has none.</param>
readonly record struct TocPart(long Offset, long InnerOffset, long ChunkOffset, long ChunkSize, byte[]? Sha256)
{
    /// <param name="entry">Of a file, or of a chunk of it.</param>
    /// <exception cref="LayerImportException">Its digest is no SHA-256.</exception>
    public static TocPart Of(TocEntry entry) =>
        new(entry.Offset, entry.InnerOffset, entry.ChunkOffset, entry.ChunkSize, entry.ChunkDigest is null ? null : HashOf(entry, entry.ChunkDigest));

    /// <param name="entry">Which says it.</param>
    /// <param name="digest">As it is written.</param>
    /// <exception cref="LayerImportException">It is no SHA-256.</exception>
    public static byte[] HashOf(TocEntry entry, string digest) => Digest.TryParse(digest) is { Algorithm: "sha256" } parsed
        ? Convert.FromHexString(parsed.Hex)
        : throw new LayerImportException($"its table of contents is wrong of {TarField.Display(entry.Name)}: a digest is no SHA-256");
}
