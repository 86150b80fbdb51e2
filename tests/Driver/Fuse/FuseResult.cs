namespace VirtioFsStore.Driver.Fuse;

/// <summary>An operation's answer: a value, or a positive errno.</summary>
public readonly record struct FuseResult<T>(int Error, T Body)
{
    /// <summary>The value.</summary>
    /// <exception cref="FuseErrorException">The operation failed.</exception>
    public T Value => Error == 0 ? Body : throw new FuseErrorException(Error);
}
