namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>An image whose manifest and configuration were read and verified.</summary>
/// <param name="Reference">What was asked for.</param>
/// <param name="Manifest">The manifest's descriptor.</param>
/// <param name="Config">Its configuration.</param>
/// <param name="Layers">From the lowest to the topmost.</param>
public sealed record ResolvedImage(ImageReference Reference, Descriptor Manifest, ImageConfig Config, IReadOnlyList<ImageLayer> Layers);
