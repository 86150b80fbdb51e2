namespace VirtioFsStore.Benchmarks.Trees;

/// <summary>A file as a guest knows it.</summary>
/// <param name="Parent">The directory's node id.</param>
/// <param name="Name">With its NUL.</param>
/// <param name="Node">The file's node id.</param>
readonly record struct NamedNode(ulong Parent, byte[] Name, ulong Node);
