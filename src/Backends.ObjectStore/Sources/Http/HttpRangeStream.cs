using System.Buffers;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Http;

/// <summary>The body of an answer, up to what was asked for. What follows that is not read, however much it is.</summary>
/// <param name="name">For messages.</param>
/// <param name="response">Becomes this object's own.</param>
/// <param name="body">Of it.</param>
/// <param name="skip">Bytes before the range.</param>
/// <param name="length">Of the range, or of what the server gives of it.</param>
/// <param name="broke">Is told when the body breaks, or is too slow for its reader.</param>
sealed class HttpRangeStream(string name, HttpResponseMessage response, Stream body, long skip, long length, Action? broke) : RangeStream, ISkippingStream
{
    const int SkipSize = 64 << 10;

    long _skip = skip;
    long _left = length;

    public bool IsSkipping => _skip > 0;

    public async ValueTask<int> SkipAsync(CancellationToken cancellation)
    {
        var scratch = ArrayPool<byte>.Shared.Rent(SkipSize);
        try
        {
            var read = await ReadBodyAsync(scratch.AsMemory(0, (int)Math.Min(scratch.Length, _skip)), cancellation).ConfigureAwait(false);
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
        var read = await ReadBodyAsync(buffer, cancellationToken).ConfigureAwait(false);
        _left -= read;
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) response.Dispose();
        base.Dispose(disposing);
    }

    async ValueTask<int> ReadBodyAsync(Memory<byte> into, CancellationToken cancellation)
    {
        try
        {
            var read = await body.ReadAsync(into, cancellation).ConfigureAwait(false);
            if (read > 0) return read;
            broke?.Invoke();
            throw new SourceException(SourceFailure.Transient, $"{name}: the answer ended {_skip + _left} bytes early");
        }
        catch (Exception e) when (e is HttpRequestException or IOException and not SourceException)
        {
            broke?.Invoke();
            throw new SourceException(SourceFailure.Transient, $"{name}: the answer broke {_skip + _left} bytes before its end: {e.Message}", e);
        }
        catch (OperationCanceledException)
        {
            broke?.Invoke();
            throw;
        }
    }
}
