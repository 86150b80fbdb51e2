using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>What of an image's configuration (image-spec, config.md) is used or shown.</summary>
/// <param name="Platform">What the image says it runs on; null where it does not say.</param>
/// <param name="DiffIds">One per layer, from the lowest.</param>
/// <param name="Created">As it is written, or null.</param>
/// <param name="Entrypoint">Never null.</param>
/// <param name="Command">Never null.</param>
/// <param name="Environment"><c>NAME=VALUE</c>; never null.</param>
/// <param name="WorkingDirectory">Or null.</param>
/// <param name="User">Or null.</param>
public sealed record ImageConfig(
    Platform? Platform, IReadOnlyList<Digest> DiffIds, string? Created, IReadOnlyList<string> Entrypoint,
    IReadOnlyList<string> Command, IReadOnlyList<string> Environment, string? WorkingDirectory, string? User);
