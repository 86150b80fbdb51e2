using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Channels;

/// <summary>The asking end of requests over a connection: who waits for which answer.</summary>
/// <param name="socket">Whom to ask; not owned.</param>
sealed class PendingRequests(MessageSocket socket)
{
    readonly ConcurrentDictionary<uint, TaskCompletionSource<(byte[] Body, FileDescriptor? Descriptor)>> _waiting = new();
    int _lastId;
    volatile Exception? _ended;

    /// <summary>Asks for pieces, and waits for the errno.</summary>
    /// <exception cref="OperationCanceledException">It is not waited for any longer.</exception>
    /// <exception cref="IOException">What <see cref="End"/> was told.</exception>
    public async ValueTask<Errno> FetchAsync(uint kind, FetchMessage message, CancellationToken cancellation)
    {
        var (error, memory) = await ReadThroughAsync(kind, message, cancellation).ConfigureAwait(false);
        memory?.Dispose();
        return error;
    }

    /// <summary>Asks for pieces, or for a range past the cache, and waits for the errno and the memory file.</summary>
    /// <exception cref="OperationCanceledException">It is not waited for any longer.</exception>
    /// <exception cref="IOException">What <see cref="End"/> was told.</exception>
    public async ValueTask<ReadThrough> ReadThroughAsync(uint kind, FetchMessage message, CancellationToken cancellation)
    {
        var (body, descriptor) = await AskForAllAsync(kind, MemoryMarshal.AsBytes(new ReadOnlySpan<FetchMessage>(in message)).ToArray(), cancellation).ConfigureAwait(false);
        return new ReadThrough(body.Length == sizeof(int) ? (Errno)MemoryMarshal.Read<int>(body) : Errno.EIO, descriptor);
    }

    /// <summary>Asks for a layer's data file, and waits for it.</summary>
    /// <exception cref="OperationCanceledException">It is not waited for any longer.</exception>
    /// <exception cref="IOException">What <see cref="End"/> was told.</exception>
    public async ValueTask<LentData> LendAsync(uint kind, FetchMessage message, CancellationToken cancellation)
    {
        var (error, file) = await ReadThroughAsync(kind, message, cancellation).ConfigureAwait(false);
        return new LentData(error, file);
    }

    /// <summary>Asks, and waits for the answer's body.</summary>
    /// <exception cref="OperationCanceledException">It is not waited for any longer.</exception>
    /// <exception cref="IOException">What <see cref="End"/> was told.</exception>
    public async ValueTask<byte[]> AskAsync(uint kind, ReadOnlyMemory<byte> body, CancellationToken cancellation)
    {
        var (answer, descriptor) = await AskForAllAsync(kind, body, cancellation).ConfigureAwait(false);
        descriptor?.Dispose();
        return answer;
    }

    async ValueTask<(byte[] Body, FileDescriptor? Descriptor)> AskForAllAsync(uint kind, ReadOnlyMemory<byte> body, CancellationToken cancellation)
    {
        var answer = new TaskCompletionSource<(byte[] Body, FileDescriptor? Descriptor)>(TaskCreationOptions.RunContinuationsAsynchronously);
        var id = (uint)Interlocked.Increment(ref _lastId);
        _waiting[id] = answer;
        try
        {
            if (_ended is { } ended)
                throw ended;
            socket.Send(kind, id, body.Span);
            return await answer.Task.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (SystemCallException exception) when (_ended is not null || exception.Error is Errno.EPIPE or Errno.ECONNRESET)
        {
            // The receiving side is about to see the end, too, and knows what it means.
            return await answer.Task.WaitAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            _waiting.TryRemove(id, out _);
        }
    }

    /// <summary>An answer has come; one that fits no question is passed over.</summary>
    public void Answer(ReceivedMessage message)
    {
        if (!_waiting.TryGetValue(message.Id, out var waiting))
            return;
        var descriptor = message.Descriptors is [var only] ? new FileDescriptor(only.Release()) : null;
        if (!waiting.TrySetResult((message.Body.ToArray(), descriptor)))
            descriptor?.Dispose();
    }

    /// <summary>No answer comes any more.</summary>
    public void End(Exception reason)
    {
        _ended = reason;
        foreach (var waiting in _waiting.Values)
            waiting.TrySetException(reason);
    }
}
