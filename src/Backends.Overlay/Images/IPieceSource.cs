using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Images;

/// <summary>Who a server asks for pieces that are absent: the keeper, in this process or in another.</summary>
public interface IPieceSource
{
    /// <summary>Fetches pieces and verifies them. When it answers <see cref="Errno.None"/> they are marked present, though they may
    /// be evicted at any time: the caller looks at their words again.</summary>
    /// <param name="layer">Which of the image's layers, from 0, the lowest.</param>
    /// <param name="first">Number of the first piece.</param>
    /// <param name="count">At least 1.</param>
    /// <param name="cancellation">Ends the wait, not the fetch: others may wait for the same piece.</param>
    ValueTask<Errno> FetchAsync(int layer, long first, int count, CancellationToken cancellation);

    /// <summary>Where <see cref="FetchAsync"/> was ENOSPC: a range of the layer's data file in memory, out of the pieces that hold it, verified.</summary>
    /// <param name="layer">Which of the image's layers.</param>
    /// <param name="first">Number of the first piece that the range touches.</param>
    /// <param name="count">How many it touches, at least 1.</param>
    /// <param name="offset">Of the range in the data file.</param>
    /// <param name="length">Of the range, at most <see cref="LayerCache.MaxReadThrough"/> bytes.</param>
    /// <param name="cancellation">Ends it.</param>
    ValueTask<ReadThrough> ReadThroughAsync(int layer, long first, int count, long offset, int length, CancellationToken cancellation);

    /// <summary>A layer's data file as VMMs need it that map only what is open for writing: <see cref="PieceStore.LendAsync"/>. It is lent for as long
    /// as this lives, or until this answers an error for any layer: then nothing is lent any more, and what was is to be closed.</summary>
    /// <param name="layer">Which of the image's layers.</param>
    /// <param name="cancellation">Ends the wait.</param>
    ValueTask<LentData> LendAsync(int layer, CancellationToken cancellation);
}
