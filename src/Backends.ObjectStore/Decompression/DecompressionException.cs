namespace VirtioFsStore.Backends.ObjectStore.Decompression;

/// <summary>A stream is not what it should be: damaged, cut, too large, or with another digest. The message is one line
/// for the person.</summary>
public sealed class DecompressionException : Exception
{
    public DecompressionException(string message)
        : base(message)
    {
    }

    public DecompressionException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Nothing is wrong but that it needs a larger window than was allowed.</summary>
    public bool NeedsLargerWindow { get; init; }
}
