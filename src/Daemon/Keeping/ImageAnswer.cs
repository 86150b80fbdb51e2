namespace VirtioFsStore.Daemon.Keeping;

/// <param name="Layers">The digests of the layers, lowest first.</param>
sealed record ImageAnswer(IReadOnlyList<string> Layers);
