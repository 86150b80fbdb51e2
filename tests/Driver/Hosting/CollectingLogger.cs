using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Driver.Hosting;

/// <summary>Keeps what was logged, so that a test can look at it and a failure can show it.</summary>
public sealed class CollectingLogger : ILogger
{
    readonly object _lock = new();
    readonly List<(LogLevel Level, string Text)> _lines = [];

    /// <summary>What was logged so far.</summary>
    public IReadOnlyList<(LogLevel Level, string Text)> Lines
    {
        get
        {
            lock (_lock)
                return [.. _lines];
        }
    }

    public string Text => string.Join('\n', Lines.Select(line => $"{line.Level}: {line.Text}"));

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Debug;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var text = formatter(state, exception) + (exception is null ? "" : $" ({exception})");
        lock (_lock)
        {
            _lines.Add((logLevel, text));
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Waits until a line that holds <paramref name="text"/> is logged, or was already.</summary>
    /// <returns>False if it did not come in time.</returns>
    public bool WaitFor(string text, TimeSpan patience)
    {
        var end = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        lock (_lock)
        {
            while (!_lines.Exists(line => line.Text.Contains(text, StringComparison.Ordinal)))
            {
                var left = end - Environment.TickCount64;
                if (left <= 0 || !Monitor.Wait(_lock, (int)left))
                    return false;
            }
            return true;
        }
    }
}
