namespace VirtioFsStore.Backends.Overlay.Tar;

/// <summary>A tar stream is not sound. The message says what and where.</summary>
public sealed class TarException(string message) : Exception(message);
