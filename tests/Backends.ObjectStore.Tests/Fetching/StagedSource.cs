using System.Collections.Concurrent;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Tests.Decompression;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Fetching;

/// <summary>Bytes as a source that notes what it is asked for, gives as much as a test lets it, and fails or lies when it is told to.</summary>
sealed class StagedSource(byte[] data) : IRangeSource
{
    readonly Lock _lock = new();
    TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    long _gate = long.MaxValue;

    public string Name => "staged";

    public long Size => data.Length;

    public SourceIdentity Identity => default;

    /// <summary>Ranges asked for, in order.</summary>
    public ConcurrentQueue<(long Offset, long Length, RequestPriority Priority)> Requests { get; } = [];

    /// <summary>Bytes given.</summary>
    public long Given;

    /// <summary>Called with the offset before bytes are given; what it throws is how the read fails.</summary>
    public Action<long>? BeforeRead { get; set; }

    /// <summary>Changes bytes on their way: offset of the first, and the bytes.</summary>
    public Action<long, Memory<byte>>? Tamper { get; set; }

    /// <summary>No byte from here on is given until this is raised.</summary>
    public long Gate
    {
        get => Volatile.Read(ref _gate);
        set
        {
            TaskCompletionSource changed;
            lock (_lock)
            {
                Volatile.Write(ref _gate, value);
                changed = _changed;
                _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            changed.SetResult();
        }
    }

    public ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken cancellation) =>
        OpenAsync(offset, length, RequestPriority.Demand, cancellation);

    public ValueTask<Stream> OpenAsync(long offset, long length, RequestPriority priority, CancellationToken cancellation)
    {
        if (offset < 0 || length < 1 || offset + length > data.Length) throw new ArgumentOutOfRangeException(nameof(offset));
        Requests.Enqueue((offset, length, priority));
        return new(new ReadingStream(ReadAsync, offset, offset + length));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    async ValueTask<int> ReadAsync(long offset, Memory<byte> into, CancellationToken cancellation)
    {
        await Task.Yield();
        while (true)
        {
            Task changed;
            lock (_lock) changed = _changed.Task;
            if (offset < Gate) break;
            await changed.WaitAsync(cancellation);
        }

        BeforeRead?.Invoke(offset);
        var count = (int)Math.Min(Math.Min(into.Length, 16 << 10), Gate - offset);
        data.AsMemory((int)offset, count).CopyTo(into);
        Tamper?.Invoke(offset, into[..count]);
        Interlocked.Add(ref Given, count);
        return count;
    }
}
