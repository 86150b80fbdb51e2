namespace VirtioFsStore.Benchmarks.Floor;

/// <summary>A file of the tree.</summary>
/// <param name="Parent">Descriptor of its directory.</param>
/// <param name="Name">With its NUL.</param>
/// <param name="Path">O_PATH descriptor of the file.</param>
readonly record struct FloorFile(int Parent, byte[] Name, int Path);
