namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>A tree of files that can be walked and read; for comparing.</summary>
interface ICheckedTree
{
    /// <summary>For messages.</summary>
    string Name { get; }

    /// <summary>All paths, the root first; each only once.</summary>
    IAsyncEnumerable<CheckedFile> WalkAsync(CancellationToken cancellation);

    /// <summary>Opens the content of a regular file of the walk.</summary>
    ValueTask<ICheckedContent> OpenAsync(CheckedFile file, CancellationToken cancellation);
}
