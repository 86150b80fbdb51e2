namespace VirtioFsStore.Daemon.Keeping;

/// <param name="Manifest">The digest of the image's manifest.</param>
/// <param name="Layers">Texts of <see cref="Backends.Overlay.Layers.LayerIdentity"/>, lowest first.</param>
sealed record ImageAnswer(string Manifest, IReadOnlyList<string> Layers);
