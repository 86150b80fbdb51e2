using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;

namespace VirtioFsStore.Backends.Overlay.RemoteIndexes;

/// <summary>A layer and the index blob that was made of it.</summary>
/// <param name="Layer">What the index says of the layer.</param>
/// <param name="Blob">Of the index blob; its annotations name the layer.</param>
public sealed record LayerIndexBlob(LayerInfo Layer, Descriptor Blob);
