namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>A regular file's bytes.</summary>
interface ICheckedContent : IDisposable
{
    /// <summary>Reads at an offset; fewer bytes than asked for only at the end.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    ValueTask<int> ReadAsync(long offset, byte[] into, CancellationToken cancellation);
}
