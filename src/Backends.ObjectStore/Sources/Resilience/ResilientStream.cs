using System.Runtime.ExceptionServices;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

/// <summary>A range that is asked for again, from where it broke.</summary>
sealed class ResilientStream(ResilientSource source, long offset, long length, Retrying retrying) : RangeStream
{
    readonly long _end = offset + length;
    long _offset = offset;
    Stream? _stream;
    RequestLease? _lease;
    CancellationTokenSource? _patience;

    /// <exception cref="SourceException">No request was answered.</exception>
    public async ValueTask BeginAsync(CancellationToken cancellation)
    {
        while (_stream is null)
        {
            try
            {
                await ConnectAsync(cancellation).ConfigureAwait(false);
            }
            catch (SourceException e)
            {
                await RecoverAsync(e, cancellation).ConfigureAwait(false);
            }
            catch
            {
                await DropAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_offset == _end || buffer.IsEmpty) return 0;
        if (buffer.Length > _end - _offset) buffer = buffer[..(int)(_end - _offset)];
        // The time that the reader took for what it had is not the source's.
        retrying.Progressed();
        while (true)
        {
            await BeginAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                var isSkipping = _stream is AnswerStream { IsSkipping: true };
                var read = await ReadOnceAsync(buffer, isSkipping, cancellationToken).ConfigureAwait(false);
                if (read == 0) throw new SourceException(SourceFailure.Transient, $"{source.Name} ended at byte {_offset} of {source.Size}");
                _lease!.Progressed();
                source.Counters.Received(read);
                if (isSkipping)
                {
                    retrying.Came();
                    continue;
                }

                _offset += read;
                retrying.Progressed();
                // Its place is wanted by others, and not every reader asks for the end.
                if (_offset == _end) await DropAsync().ConfigureAwait(false);
                return read;
            }
            catch (SourceException e)
            {
                await RecoverAsync(e, cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                await DropAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    public override async ValueTask DisposeAsync()
    {
        _offset = _end;
        await DropAsync().ConfigureAwait(false);
        _patience?.Dispose();
        await base.DisposeAsync().ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _offset = _end;
            _stream?.Dispose();
            _stream = null;
            _lease?.Dispose();
            _lease = null;
            _patience?.Dispose();
        }

        base.Dispose(disposing);
    }

    async ValueTask ConnectAsync(CancellationToken cancellation)
    {
        _lease = await retrying.EnterAsync(cancellation).ConfigureAwait(false);
        _stream = await retrying.TryAsync(token => source.Inner.OpenAsync(_offset, _end - _offset, token), cancellation).ConfigureAwait(false);
        _lease.Succeeded();
    }

    /// <summary>A read of the request that is open. The source must have let go of the buffer when this ends, so it is told to stop, and
    /// waited for.</summary>
    async ValueTask<int> ReadOnceAsync(Memory<byte> buffer, bool isSkipping, CancellationToken cancellation)
    {
        var time = retrying.TimeOfTry();
        var patience = _patience ??= retrying.Patience();
        patience.CancelAfter(time);
        try
        {
            using (cancellation.UnsafeRegister(static patience => ((CancellationTokenSource)patience!).Cancel(), patience))
            {
                var reading = isSkipping ? ((AnswerStream)_stream!).SkipAsync(patience.Token) : _stream!.ReadAsync(buffer, patience.Token);
                return await reading.ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
            throw retrying.TookTooLong(time);
        }
        finally
        {
            if (!patience.TryReset())
            {
                patience.Dispose();
                _patience = null;
            }
        }
    }

    async ValueTask RecoverAsync(SourceException failure, CancellationToken cancellation)
    {
        var asked = _lease is not null;
        _lease?.Failed(failure);
        await DropAsync().ConfigureAwait(false);
        // What the gate said was not the source's answer, and is the last word.
        if (!asked) ExceptionDispatchInfo.Throw(failure);
        await retrying.WaitAfterAsync(failure, cancellation).ConfigureAwait(false);
    }

    async ValueTask DropAsync()
    {
        if (_stream is { } stream) await stream.DisposeAsync().ConfigureAwait(false);
        _stream = null;
        _lease?.Dispose();
        _lease = null;
    }
}
