namespace VirtioFsStore.Backends.Overlay.IndexBlobs;

/// <summary>An index that somebody else made cannot be used. The message says what is wrong with it; whoever catches it says of what.</summary>
sealed class LayerImportException(string message) : Exception(message);
