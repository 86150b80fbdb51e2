using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>A source whose files are open: all that a process that can open nothing needs in order to serve it. Owns the descriptors until they are attached.</summary>
/// <param name="Kind">What the descriptors are.</param>
/// <param name="Name">What the person called it.</param>
/// <param name="Settings">How it is to be served.</param>
/// <param name="Layers">Of an image, the digests of its layers, lowest first.</param>
/// <param name="Descriptors">Of a directory, its own (O_PATH); of an image, see <see cref="Backends.Overlay.Images.ImageFiles"/>.</param>
sealed record OpenedSource(SourceKind Kind, string Name, SourceSettings Settings, IReadOnlyList<string> Layers, IReadOnlyList<FileDescriptor> Descriptors) : IDisposable
{
    public void Dispose()
    {
        foreach (var descriptor in Descriptors)
            descriptor.Dispose();
    }
}
