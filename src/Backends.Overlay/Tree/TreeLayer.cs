using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>A layer that a tree's files lie in.</summary>
/// <param name="Digest">Of its blob.</param>
/// <param name="DataSize">Of its data file, in bytes.</param>
/// <param name="PieceCount">Words in its state file.</param>
sealed record TreeLayer(Digest Digest, long DataSize, long PieceCount);
