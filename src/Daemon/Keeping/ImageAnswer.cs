namespace VirtioFsStore.Daemon.Keeping;

/// <param name="Manifest">The digest of the image's manifest.</param>
/// <param name="Layers">The digests of the layers, lowest first.</param>
sealed record ImageAnswer(string Manifest, IReadOnlyList<string> Layers);
