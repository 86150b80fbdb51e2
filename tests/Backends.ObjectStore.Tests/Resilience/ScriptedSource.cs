using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Resilience;

/// <summary>A source whose requests do what a test says, one after the other; after that all goes well.</summary>
sealed class ScriptedSource(byte[] data) : IRangeSource
{
    readonly Queue<Func<long, CancellationToken, Task<long>>> _script = new();

    public string Name => "scripted";

    public long Size => data.Length;

    public SourceIdentity Identity => default;

    /// <summary>Offset and length of each request.</summary>
    public List<(long Offset, long Length)> Asked { get; } = [];

    public int Open { get; private set; }

    /// <summary>The next request fails.</summary>
    public ScriptedSource Fail(SourceFailure failure, TimeSpan? retryAfter = null) =>
        Then((_, _) => throw new SourceException(failure, $"scripted {failure}", null, retryAfter));

    /// <summary>The next request breaks after so many bytes.</summary>
    public ScriptedSource Break(long after) => Then((_, _) => Task.FromResult(after));

    /// <summary>The next request is never answered.</summary>
    public ScriptedSource Hang() => Then(async (_, cancellation) =>
    {
        await Task.Delay(Timeout.Infinite, cancellation);
        return 0;
    });

    /// <summary>The next request is answered when told.</summary>
    public ScriptedSource Hold(Task until) => Then(async (_, cancellation) =>
    {
        await until.WaitAsync(cancellation);
        return long.MaxValue;
    });

    public async ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken cancellation)
    {
        Func<long, CancellationToken, Task<long>>? act;
        lock (_script)
        {
            Asked.Add((offset, length));
            _script.TryDequeue(out act);
        }

        var good = act is null ? long.MaxValue : await act(offset, cancellation);
        lock (_script) Open++;
        return new Reading(this, offset, length, good);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    ScriptedSource Then(Func<long, CancellationToken, Task<long>> act)
    {
        _script.Enqueue(act);
        return this;
    }

    sealed class Reading(ScriptedSource source, long offset, long length, long good) : RangeStream
    {
        long _read;
        bool _closed;

        byte[] Data => source.Bytes;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = (int)Math.Min(buffer.Length, Math.Min(length, good) - _read);
            if (count == 0 && _read < length) throw new SourceException(SourceFailure.Transient, "scripted break");
            Data.AsMemory((int)(offset + _read), count).CopyTo(buffer);
            _read += count;
            return new(count);
        }

        protected override void Dispose(bool disposing)
        {
            if (!_closed) lock (source._script) source.Open--;
            _closed = true;
            base.Dispose(disposing);
        }
    }

    byte[] Bytes => data;
}
