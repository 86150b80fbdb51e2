using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Transfer;

/// <param name="Blob">Which; where it is <see cref="BlobState.Held"/>, it may be a manifest, too, which is then also told of when it is sent.</param>
/// <param name="State">How far it is.</param>
/// <param name="Bytes">That the target has of it.</param>
/// <param name="Wait">For how long it is held; else zero.</param>
/// <param name="Found">Bytes of one that was sent which the target had of an earlier push.</param>
public readonly record struct BlobProgress(Descriptor Blob, BlobState State, long Bytes, TimeSpan Wait = default, long Found = 0);
