namespace VirtioFsStore.Core.Mounts;

/// <summary>Nothing was mounted or unmounted; the message says what was tried, and what would work.</summary>
public sealed class MountException(MountFailure failure, string message, Exception? inner = null) : Exception(message, inner)
{
    public MountFailure Failure => failure;

    /// <param name="path">Where something was to be mounted.</param>
    /// <param name="mounted">What is a mount point above it.</param>
    public static MountException Below(MountPath path, string mounted) =>
        new(MountFailure.Exists, $"Cannot mount on {path}: {mounted} is a mount point itself, and there are none below another.");

    /// <param name="path">Where something was to be mounted, above mount points.</param>
    public static MountException Above(MountPath path) =>
        new(MountFailure.Exists, $"Cannot mount on {path}: there are mount points below it.");
}
