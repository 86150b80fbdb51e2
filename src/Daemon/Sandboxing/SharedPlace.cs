using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>What the server is given of the host.</summary>
/// <param name="Root">O_PATH, of the sandbox's namespace if it has one.</param>
/// <param name="Path">Where it is attached there, or null.</param>
sealed record SharedPlace(FileDescriptor Root, string? Path);
