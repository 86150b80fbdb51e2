using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.Images;

/// <summary>An image that can be served.</summary>
/// <param name="Image">What was found under the reference.</param>
/// <param name="FileSystem">Its files; the caller's to dispose of.</param>
public sealed record OpenedImage(ResolvedImage Image, ImageFileSystem FileSystem);
