using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>A layer's data file, open for writing, to which nobody can write (<see cref="PieceStore.LendAsync"/>).</summary>
/// <param name="Error">Why there is none.</param>
/// <param name="File">The caller's own; null also of a layer without a byte.</param>
public readonly record struct LentData(Errno Error, FileDescriptor? File);
