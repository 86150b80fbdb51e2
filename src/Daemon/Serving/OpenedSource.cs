using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>A source whose files are open: all that a process that can open nothing needs in order to serve it. Owns the descriptors until they are attached.</summary>
/// <param name="Kind">What the descriptors are.</param>
/// <param name="Name">What the person called it.</param>
/// <param name="Settings">How it is to be served.</param>
/// <param name="Layers">Of an image, its layers as texts of <see cref="Backends.Overlay.Layers.LayerIdentity"/>, lowest first.</param>
/// <param name="Descriptors">Of a directory, its own (O_PATH); of an image, see <see cref="ImageFiles"/>.</param>
sealed record OpenedSource(SourceKind Kind, string Name, SourceSettings Settings, IReadOnlyList<string> Layers, IReadOnlyList<FileDescriptor> Descriptors) : IDisposable
{
    IPieceSource? _pieces;

    /// <summary>Of an image, whom to ask for pieces that are absent; becomes this object's own.</summary>
    public IPieceSource? Pieces
    {
        init => _pieces = value;
    }

    /// <summary>The keeper's image, to ask what it costs; null for what is none, or was opened elsewhere.</summary>
    public IKeptImage? Image => _pieces as IKeptImage;

    /// <summary>Hands the source of pieces over; it is the caller's to dispose of, if it can be.</summary>
    public IPieceSource? TakePieces() => Interlocked.Exchange(ref _pieces, null);

    public void Dispose()
    {
        foreach (var descriptor in Descriptors)
            descriptor.Dispose();
        if (TakePieces() is IAsyncDisposable pieces)
            pieces.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
