namespace VirtioFsStore.Backends.Overlay.Merge;

/// <summary>A layer as the merge knows it.</summary>
/// <param name="Name">For messages: its digest.</param>
/// <param name="DataSize">Of its data file, in bytes.</param>
/// <param name="PieceCount">Pieces in its data file.</param>
sealed record MergedLayer(string Name, long DataSize, long PieceCount);
