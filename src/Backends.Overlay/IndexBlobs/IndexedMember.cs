using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.IndexBlobs;

/// <summary>A member of a layer as an index has it.</summary>
/// <param name="Entry">As a tar stream gives it; all its values are possible.</param>
/// <param name="DataOffset">Where its data begins in the tar stream; means nothing where <paramref name="DataLength"/> is 0.</param>
/// <param name="DataLength">Bytes of data in the stream: holes have none.</param>
readonly record struct IndexedMember(TarEntry Entry, long DataOffset, long DataLength);
