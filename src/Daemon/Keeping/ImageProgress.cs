namespace VirtioFsStore.Daemon.Keeping;

/// <summary>A <see cref="Backends.Overlay.Store.LayerProgress"/> on its way.</summary>
sealed record ImageProgress(string Layer, long Done, long Total);
