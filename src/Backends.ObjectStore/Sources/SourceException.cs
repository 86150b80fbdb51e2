namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>A source cannot be opened or read. The message is one line for the person: what was tried, on what, and what came.</summary>
public sealed class SourceException : IOException
{
    public SourceException(string message)
        : base(message)
    {
    }

    public SourceException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    public SourceException(SourceFailure failure, string message, Exception? innerException = null, TimeSpan? retryAfter = null)
        : base(message, innerException) =>
        (Failure, RetryAfter) = (failure, retryAfter);

    public SourceFailure Failure { get; }

    /// <summary>Whoever has it could not be reached at all: no such name, nobody listens there, no way to it.</summary>
    public bool IsUnreachable { get; init; }

    /// <summary>How long the source asks to be left alone, if it does.</summary>
    public TimeSpan? RetryAfter { get; }
}
