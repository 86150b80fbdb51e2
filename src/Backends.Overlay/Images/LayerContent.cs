using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Images;

/// <summary>
/// The data of one layer as a server sees it: a descriptor to read from, a word of state for each piece, and someone to
/// ask for pieces that are not there. Thread-safe.
/// </summary>
abstract class LayerContent : IDisposable
{
    PagePins? _pins;

    /// <summary>The lower half of a word is the state, the upper half the generation (<see cref="StateFile"/>).</summary>
    public static bool IsPresent(ulong word) => (PieceState)(uint)word == PieceState.Present;

    /// <summary>The data file, open for reading.</summary>
    public abstract int Descriptor { get; }

    /// <summary>The word {state, generation} of a piece: whoever reads compares the whole word before and after.</summary>
    public abstract ulong WordOf(long piece);

    /// <summary>Notes that pieces are used, so that others are evicted before them.</summary>
    public abstract void Touch(long first, int count);

    /// <summary>Asks for pieces; when it ends they are there, or were for a moment, or an error says why not.</summary>
    public abstract ValueTask<Errno> EnsureAsync(long first, int count, CancellationToken cancellation);

    /// <summary>For pieces for which there is no room: see <see cref="IPieceSource.ReadThroughAsync"/>.</summary>
    public abstract ValueTask<ReadThrough> ReadThroughAsync(long first, int count, long offset, int length, CancellationToken cancellation);

    /// <summary>See <see cref="IPieceSource.LendAsync"/>.</summary>
    public abstract ValueTask<LentData> LendAsync(CancellationToken cancellation);

    /// <summary>The pages of <see cref="Descriptor"/> that guests have mapped.</summary>
    public PagePins Pins => Volatile.Read(ref _pins) ?? Interlocked.CompareExchange(ref _pins, new PagePins(Descriptor), null) ?? _pins;

    public void Dispose()
    {
        Pins.Close();
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
