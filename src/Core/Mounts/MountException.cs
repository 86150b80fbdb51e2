namespace VirtioFsStore.Core.Mounts;

/// <summary>Nothing was mounted or unmounted; the message says what was tried, and what would work.</summary>
public sealed class MountException(MountFailure failure, string message, Exception? inner = null) : Exception(message, inner)
{
    public MountFailure Failure => failure;
}
