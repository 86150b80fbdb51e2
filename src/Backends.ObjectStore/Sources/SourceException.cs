namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>A source cannot be opened or read. The message is one line for the person.</summary>
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
}
