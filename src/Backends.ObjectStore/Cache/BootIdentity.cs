namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>What tells this boot of the host from others.</summary>
public static class BootIdentity
{
    const string Path = "/proc/sys/kernel/random/boot_id";

    /// <summary>Random, and the same until the host boots again.</summary>
    public static Guid Read() => Guid.Parse(File.ReadAllText(Path));
}
