using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Daemon.Logging;

/// <summary>
/// Writes events to a descriptor, one line each, and is its own provider. Microsoft.Extensions.Logging.Console would do the same at the
/// price of a dependency container, a configuration and a thread: half of the time that the program takes to start.
/// </summary>
sealed class LineLogger(LineWriter writer) : ILogger, ILoggerProvider
{
    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
            writer.Write(LogLine.Format(logLevel, formatter(state, exception), exception));
    }

    public void Dispose()
    {
    }
}
