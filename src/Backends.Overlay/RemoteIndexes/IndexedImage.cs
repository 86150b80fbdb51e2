using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.RemoteIndexes;

/// <summary>An image whose layer indexes lie beside it.</summary>
/// <param name="Manifest">The derived manifest.</param>
/// <param name="Tag">What it is called.</param>
/// <param name="Artifact">The manifest that keeps the index blobs.</param>
/// <param name="Indexes">One for each layer, from the lowest.</param>
public sealed record IndexedImage(Descriptor Manifest, string Tag, Descriptor Artifact, IReadOnlyList<LayerIndexBlob> Indexes);
