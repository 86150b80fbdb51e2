using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Channels;

/// <summary>The answering end of fetches over a connection. Never waits: what takes long is answered when it is done, and answers that the peer
/// does not take are one thread's business at a time, and then the connection's end.</summary>
/// <param name="socket">Who asks; not owned.</param>
/// <param name="kind">What an answer is called there.</param>
/// <param name="logger">For what went wrong here.</param>
sealed class FetchAnswers(MessageSocket socket, uint kind, ILogger logger) : IDisposable
{
    /// <summary>More than the requests that a guest may have in flight. Who asks for more is answered EAGAIN.</summary>
    const int MaxPending = 32 * 1024;

    /// <summary>Answers with a descriptor that are made at a time. The others wait.</summary>
    const int MaxDescriptors = 8;

    readonly CancellationTokenSource _stop = new();
    readonly SemaphoreSlim _descriptors = new(MaxDescriptors);
    readonly Lock _gate = new();

    /// <summary>Answers that wait for those before them.</summary>
    readonly Queue<(uint Id, Errno Error, FileDescriptor? Memory)> _queue = new();

    bool _isDraining;
    int _pending;

    /// <summary>What the message asks for; null if it makes no sense.</summary>
    public static FetchMessage? Parse(ReceivedMessage message) =>
        message.Body.Length == Unsafe.SizeOf<FetchMessage>() && MemoryMarshal.Read<FetchMessage>(message.Body.Span) is { First: >= 0, Count: >= 0, Layer: <= int.MaxValue, Length: >= 0 } fetch
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
            var pending = Interlocked.Increment(ref _pending);
            // It goes on asking and takes no answers.
            if (pending > 2 * MaxPending)
                socket.Shutdown();
            if (pending <= MaxPending)
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
        if (_stop.IsCancellationRequested)
            End(memory);
        else
            Post(id, error, memory);
    }

    async ValueTask<ReadThrough> FetchAsync(IPieceSource pieces, FetchMessage fetch)
    {
        if (fetch is { Count: > 0, Length: 0 })
            return new ReadThrough(await pieces.FetchAsync((int)fetch.Layer, fetch.First, fetch.Count, _stop.Token).ConfigureAwait(false), null);
        await _descriptors.WaitAsync(_stop.Token).ConfigureAwait(false);
        try
        {
            if (fetch.Count == 0)
            {
                var (error, file) = await pieces.LendAsync((int)fetch.Layer, _stop.Token).ConfigureAwait(false);
                return new ReadThrough(error, file);
            }
            return await pieces.ReadThroughAsync((int)fetch.Layer, fetch.First, fetch.Count, fetch.Offset, fetch.Length, _stop.Token).ConfigureAwait(false);
        }
        finally
        {
            _descriptors.Release();
        }
    }

    /// <summary>Whoever asked has gone: nothing is answered any more.</summary>
    public void Dispose() => _stop.Cancel();

    /// <summary>Sends an answer at once where the peer takes it, else behind the others.</summary>
    void Post(uint id, Errno error, FileDescriptor? memory)
    {
        lock (_gate)
        {
            if (!_isDraining && socket.TrySendNow(kind, id, BytesOf(in error), DescriptorsOf(memory)))
            {
                End(memory);
                return;
            }
            _queue.Enqueue((id, error, memory));
            if (_isDraining)
                return;
            _isDraining = true;
        }
        _ = Task.Run(Drain);
    }

    void Drain()
    {
        var hasGone = false;
        while (true)
        {
            (uint Id, Errno Error, FileDescriptor? Memory) answer;
            lock (_gate)
            {
                if (!_queue.TryDequeue(out answer))
                {
                    _isDraining = false;
                    return;
                }
            }
            try
            {
                if (!hasGone)
                    socket.Send(kind, answer.Id, BytesOf(in answer.Error), DescriptorsOf(answer.Memory));
            }
            catch (IOException)
            {
                // It has gone, or takes nothing: in either case its end is seen where the connection is received from.
                hasGone = true;
                socket.Shutdown();
            }
            End(answer.Memory);
        }
    }

    void End(FileDescriptor? memory)
    {
        memory?.Dispose();
        Interlocked.Decrement(ref _pending);
    }

    static ReadOnlySpan<byte> BytesOf(in Errno error) => MemoryMarshal.AsBytes(new ReadOnlySpan<Errno>(in error));

    static int[] DescriptorsOf(FileDescriptor? memory) => memory is null ? [] : [memory.Value];
}
