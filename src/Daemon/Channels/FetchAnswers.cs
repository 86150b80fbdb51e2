using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Channels;

/// <summary>The answering end of fetches over a connection. Never waits: what takes long is answered when it is done.</summary>
/// <param name="socket">Who asks; not owned.</param>
/// <param name="kind">What an answer is called there.</param>
/// <param name="logger">For what went wrong here.</param>
sealed class FetchAnswers(MessageSocket socket, uint kind, ILogger logger) : IDisposable
{
    /// <summary>More than the requests that a guest may have in flight. Who asks for more is answered EAGAIN.</summary>
    const int MaxPending = 32 * 1024;

    readonly CancellationTokenSource _stop = new();
    int _pending;

    /// <summary>What the message asks for; null if it makes no sense.</summary>
    public static FetchMessage? Parse(ReceivedMessage message) =>
        message.Body.Length == Unsafe.SizeOf<FetchMessage>() && MemoryMarshal.Read<FetchMessage>(message.Body.Span) is { First: >= 0, Count: >= 1, Layer: <= int.MaxValue, Length: >= 0 } fetch
            ? fetch
            : null;

    /// <param name="id">Of the request.</param>
    /// <param name="pieces">Who fetches; null answers EIO.</param>
    /// <param name="fetch">What.</param>
    public async void Answer(uint id, IPieceSource? pieces, FetchMessage fetch)
    {
        var error = Errno.EAGAIN;
        FileDescriptor? memory = null;
        try
        {
            if (Interlocked.Increment(ref _pending) <= MaxPending)
                (error, memory) = pieces is null ? new ReadThrough(Errno.EIO, null) : await FetchAsync(pieces, fetch).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Whoever asked has gone.
        }
        catch (Exception exception)
        {
            Log.FetchFailed(logger, exception);
            error = Errno.EIO;
        }
        Interlocked.Decrement(ref _pending);
        using var sent = memory;
        if (_stop.IsCancellationRequested)
            return;
        try
        {
            var value = (int)error;
            socket.Send(kind, id, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in value)), memory is null ? [] : [memory.Value]);
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            // Its end is seen where the connection is received from.
        }
    }

    async ValueTask<ReadThrough> FetchAsync(IPieceSource pieces, FetchMessage fetch) => fetch.Length == 0
        ? new ReadThrough(await pieces.FetchAsync((int)fetch.Layer, fetch.First, fetch.Count, _stop.Token).ConfigureAwait(false), null)
        : await pieces.ReadThroughAsync((int)fetch.Layer, fetch.First, fetch.Count, fetch.Offset, fetch.Length, _stop.Token).ConfigureAwait(false);

    /// <summary>Whoever asked has gone: nothing is answered any more.</summary>
    public void Dispose() => _stop.Cancel();
}
