using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Transfer;

/// <param name="Blob">Which.</param>
/// <param name="State">How far it is.</param>
/// <param name="Bytes">That the target has of it.</param>
public readonly record struct BlobProgress(Descriptor Blob, BlobState State, long Bytes);
