using VirtioFsStore.Backends.Overlay.IndexBlobs;

namespace VirtioFsStore.Backends.Overlay.Tocs;

/// <summary>How a format divides files.</summary>
interface ITocChunking
{
    /// <summary>Whether a file is one chunk, whatever parts it has: they are then not looked at.</summary>
    bool IsWhole(TocEntry file);

    /// <param name="file">Has data.</param>
    /// <param name="parts">In the order of their offsets; the first is what the file's own entry says. It is the only one of a file that is whole.</param>
    /// <exception cref="LayerImportException">They are not the file.</exception>
    List<TocChunk> ChunksOf(TocEntry file, IReadOnlyList<TocPart> parts);
}
