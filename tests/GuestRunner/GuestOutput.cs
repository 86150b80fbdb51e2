using System.Diagnostics;
using System.Text;

namespace VirtioFsStore.GuestRunner;

/// <summary>The text that a guest has written so far, and those who wait for a part of it.</summary>
sealed class GuestOutput(Action<string>? onText)
{
    readonly Lock _lock = new();
    readonly StringBuilder _text = new();
    readonly List<(string Marker, TaskCompletionSource<TimeSpan> Seen)> _waiters = [];
    readonly long _start = Stopwatch.GetTimestamp();
    string? _ended;

    public string Text
    {
        get
        {
            lock (_lock)
            {
                return _text.ToString();
            }
        }
    }

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);

    /// <summary>Takes all that <paramref name="stream"/> brings, as it comes.</summary>
    public async Task ReadAsync(Stream stream)
    {
        var buffer = new byte[64 << 10];
        var characters = new char[buffer.Length];
        var decoder = Encoding.UTF8.GetDecoder(); // Characters may be split between two reads.
        int count;
        while ((count = await stream.ReadAsync(buffer).ConfigureAwait(false)) > 0)
        {
            var decoded = decoder.GetChars(buffer.AsSpan(0, count), characters, flush: false);
            var text = new string(characters, 0, decoded).Replace("\r\n", "\n", StringComparison.Ordinal);
            onText?.Invoke(text);
            lock (_lock)
            {
                _text.Append(text);
                if (_waiters.Count > 0)
                {
                    var all = _text.ToString();
                    _waiters.RemoveAll(waiter => all.Contains(waiter.Marker, StringComparison.Ordinal) && waiter.Seen.TrySetResult(Elapsed));
                }
            }
        }
    }

    /// <summary>No more comes; whoever still waits gets an exception with <paramref name="reason"/>.</summary>
    public void End(string reason)
    {
        lock (_lock)
        {
            _ended = reason;
            foreach (var (marker, seen) in _waiters)
            {
                seen.TrySetException(NeverCame(marker));
            }

            _waiters.Clear();
        }
    }

    public Task<TimeSpan> WaitForAsync(string marker)
    {
        lock (_lock)
        {
            if (_text.ToString().Contains(marker, StringComparison.Ordinal))
            {
                return Task.FromResult(Elapsed);
            }

            if (_ended is not null)
            {
                return Task.FromException<TimeSpan>(NeverCame(marker));
            }

            var seen = new TaskCompletionSource<TimeSpan>(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiters.Add((marker, seen));
            return seen.Task;
        }
    }

    InvalidOperationException NeverCame(string marker) => new($"The guest never wrote '{marker}'. {_ended}");
}
