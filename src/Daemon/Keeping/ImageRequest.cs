namespace VirtioFsStore.Daemon.Keeping;

/// <param name="Reference">The image, as a person names it; paths in it are absolute.</param>
/// <param name="Platform">OS/ARCH[/VARIANT].</param>
sealed record ImageRequest(string Reference, string Platform);
