using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>A range of a layer's data file that the cache could not keep.</summary>
/// <param name="Error">Why there is none; <see cref="Errno.None"/> where there is.</param>
/// <param name="Memory">A memory file of the range's length with its verified bytes; the caller's own.</param>
public readonly record struct ReadThrough(Errno Error, FileDescriptor? Memory);
