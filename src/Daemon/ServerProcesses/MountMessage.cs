using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.ServerProcesses;

/// <summary>A source that the server is to mount; its descriptors came before.</summary>
/// <param name="Path">Where; "/" is the root.</param>
/// <param name="Kind">Of the source.</param>
/// <param name="Name">Of the source.</param>
/// <param name="Settings">How it is to be served.</param>
/// <param name="Layers">See <see cref="OpenedSource"/>.</param>
/// <param name="DescriptorCount">How many descriptors came under the same id.</param>
/// <param name="Image">The number by which the parent knows the image when pieces of it are wanted; 0 for a directory.</param>
sealed record MountMessage(string Path, SourceKind Kind, string Name, SourceSettings Settings, IReadOnlyList<string> Layers, int DescriptorCount, uint Image);
