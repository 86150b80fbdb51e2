using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Driver.Fuse;

/// <summary>An operation that was to succeed was answered by an errno.</summary>
public sealed class FuseErrorException(int error) : Exception($"The file system answered {(Errno)error}.")
{
    /// <summary>Positive.</summary>
    public int Error => error;
}
