using System.Diagnostics;

namespace VirtioFsStore.FaultProxy;

/// <summary>Gives each piece that is sent its time on a line of bounded speed, which all connections share.</summary>
sealed class Line(LineShape shape)
{
    /// <summary>Timers are no finer than this; a piece that is due sooner goes at once, and the next one waits for both.</summary>
    static readonly TimeSpan s_finest = TimeSpan.FromMilliseconds(2);

    readonly Lock _lock = new();
    long _freeAt = Stopwatch.GetTimestamp();

    public LineShape Shape => shape;

    /// <summary>Ends when the line has carried so many bytes more.</summary>
    public ValueTask CarryAsync(int bytes, CancellationToken cancellation)
    {
        TimeSpan wait;
        lock (_lock)
        {
            var now = Stopwatch.GetTimestamp();
            _freeAt = Math.Max(_freeAt, now) + (long)((double)bytes / shape.BytesPerSecond * Stopwatch.Frequency);
            wait = Stopwatch.GetElapsedTime(now, _freeAt);
        }

        return wait < s_finest ? ValueTask.CompletedTask : new(Task.Delay(wait, cancellation));
    }
}
