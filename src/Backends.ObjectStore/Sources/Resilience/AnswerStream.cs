using System.Buffers;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

/// <summary>The body of one answer, less what comes before the range that was asked for, and up to its end: what follows is not read, however
/// much it is. Reading skips the beginning too, but who bounds each read's time wants to see that something comes.</summary>
/// <param name="name">For messages.</param>
/// <param name="skip">Bytes before the range.</param>
/// <param name="length">Of the range, or of what the source gives of it.</param>
abstract class AnswerStream(string name, long skip, long length) : RangeStream
{
    const int SkipSize = 64 << 10;

    long _skip = skip;
    long _left = length;

    public bool IsSkipping => _skip > 0;

    /// <summary>Bytes that are still to come, those included that are skipped.</summary>
    protected long Missing => _skip + _left;

    protected string Name => name;

    /// <summary>Reads some of what is skipped.</summary>
    /// <exception cref="SourceException">The source cannot be read.</exception>
    public async ValueTask<int> SkipAsync(CancellationToken cancellation)
    {
        var scratch = ArrayPool<byte>.Shared.Rent(SkipSize);
        try
        {
            var read = await ReadSomeAsync(scratch.AsMemory(0, (int)Math.Min(scratch.Length, _skip)), cancellation).ConfigureAwait(false);
            _skip -= read;
            return read;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(scratch);
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.Length > _left) buffer = buffer[..(int)_left];
        if (buffer.IsEmpty) return 0;
        while (IsSkipping) await SkipAsync(cancellationToken).ConfigureAwait(false);
        var read = await ReadSomeAsync(buffer, cancellationToken).ConfigureAwait(false);
        _left -= read;
        return read;
    }

    /// <summary>Reads from the body; 0 at its end, which is too early.</summary>
    /// <exception cref="SourceException">It broke.</exception>
    protected abstract ValueTask<int> ReadBodyAsync(Memory<byte> into, CancellationToken cancellation);

    async ValueTask<int> ReadSomeAsync(Memory<byte> into, CancellationToken cancellation)
    {
        var read = await ReadBodyAsync(into, cancellation).ConfigureAwait(false);
        return read > 0 ? read : throw new SourceException(SourceFailure.Transient, $"{name}: the answer ended {Missing} bytes early");
    }
}
