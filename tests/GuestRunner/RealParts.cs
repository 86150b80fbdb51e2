namespace VirtioFsStore.GuestRunner;

/// <summary>Where <c>eng/setup</c> keeps what cannot be in the checkout: QEMU, the guest kernel, images.</summary>
public sealed class RealParts(string cache)
{
    public string Cache { get; } = cache;

    public string ChrootQemu => Path.Combine(Cache, "bin/qemu-system-x86_64");

    /// <summary>The QEMU of this machine; Debian 12's is 7.2.</summary>
    public static string HostQemu => "/usr/bin/qemu-system-x86_64";

    public string Virtiofsd => Path.Combine(Cache, "bin/virtiofsd");
    public string Python => Path.Combine(Cache, "bin/python3");
    public string Runc => Path.Combine(Cache, "bin/runc");
    public string Kernel => Path.Combine(Cache, "kernel/vmlinux");
    public string OverlayModule => Path.Combine(Cache, "kernel/overlay.ko");

    /// <summary>A kernel that has modules for 9P; <c>eng/setup bench-kernel</c> installs it.</summary>
    public string BenchKernel => Path.Combine(Cache, "bench-kernel");

    public string GuestTools => Path.Combine(Cache, "guest-tools");
    public string BusyBox => Path.Combine(GuestTools, "usr/bin/busybox");
    public string DemoImage => Path.Combine(Cache, "images/demo");
    public string AwkwardImage => Path.Combine(Cache, "images/awkward");

    /// <summary>A Debian package that needs no other than libc6.</summary>
    public string Package => Path.Combine(Cache, "packages/hello.deb");

    /// <summary>The cache of this user: <c>VIRTIOFS_STORE_DEV_CACHE</c>, else below <c>XDG_CACHE_HOME</c> or <c>~/.cache</c>.</summary>
    public static RealParts Default { get; } = new(
        Variable("VIRTIOFS_STORE_DEV_CACHE")
        ?? Path.Combine(
            Variable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
            "virtiofs-store-dev"));

    /// <summary>Says which of <paramref name="paths"/> is missing and what installs it; null if none is.</summary>
    public static string? Missing(params ReadOnlySpan<string> paths)
    {
        foreach (var path in paths)
        {
            if (!Path.Exists(path))
            {
                return $"{path} is missing; eng/setup installs it.";
            }
        }

        return null;
    }

    static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
