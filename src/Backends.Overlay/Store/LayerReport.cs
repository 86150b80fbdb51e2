namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>What the cache has of a layer.</summary>
/// <param name="Layer">The digest of its blob.</param>
/// <param name="IsOpen">An image that has it is being served.</param>
/// <param name="Pieces">Of the layer.</param>
/// <param name="Present">Of them.</param>
/// <param name="Suspect">Of them: to be verified at their next use.</param>
/// <param name="ContentSize">Of its files, padded to pages, in bytes.</param>
/// <param name="AllocatedBytes">What it takes on the disk.</param>
/// <param name="Damaged">Pieces that were found damaged, and dropped; 0 where nothing was verified.</param>
/// <param name="Problem">Why nothing more can be said of it; null if there is no problem.</param>
public sealed record LayerReport(
    string Layer, bool IsOpen, long Pieces, long Present, long Suspect, long ContentSize, long AllocatedBytes, long Damaged, string? Problem);
