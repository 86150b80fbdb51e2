using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.GuestRunner;

/// <summary>What <c>eng/setup</c> keeps in its cache (see <see cref="DevCache"/>): QEMU, the guest kernel, images.</summary>
public sealed class RealParts(string cache)
{
    public string Cache { get; } = cache;

    public string ChrootQemu => Path.Combine(Cache, "bin/qemu-system-x86_64");

    /// <summary>The QEMU of this machine; Debian 12's is 7.2.</summary>
    public static string HostQemu => "/usr/bin/qemu-system-x86_64";

    public string Virtiofsd => Path.Combine(Cache, "bin/virtiofsd");
    public string Python => Path.Combine(Cache, "bin/python3");
    public string Radosgw => Path.Combine(Cache, "bin/radosgw");
    public string RadosgwAdmin => Path.Combine(Cache, "bin/radosgw-admin");
    public string DockerRegistry => Path.Combine(Cache, "bin/docker-registry");
    public string Skopeo => Path.Combine(Cache, "bin/skopeo");
    public string Umoci => Path.Combine(Cache, "bin/umoci");
    public string Runc => Path.Combine(Cache, "bin/runc");
    public string Kernel => Path.Combine(Cache, "kernel/vmlinux");
    public string OverlayModule => Path.Combine(Cache, "kernel/overlay.ko");

    /// <summary>A kernel that has modules for 9P; <c>eng/setup bench-kernel</c> installs it.</summary>
    public string BenchKernel => Path.Combine(Cache, "bench-kernel");

    public string GuestTools => Path.Combine(Cache, "guest-tools");
    public string BusyBox => Path.Combine(GuestTools, "usr/bin/busybox");
    public string DemoImage => Path.Combine(Cache, "images/demo");

    /// <summary>The same image as zstd:chunked: nothing of it is fetched before it is read.</summary>
    public string ChunkedImage => Path.Combine(Cache, "images/demo-chunked");

    /// <summary>With compilers, git and Python; <c>eng/setup bench-image</c> makes it.</summary>
    public string HeavyImage => Path.Combine(Cache, "images/heavy");

    public string AwkwardImage => Path.Combine(Cache, "images/awkward");

    /// <summary>A Debian package that needs no other than libc6.</summary>
    public string Package => Path.Combine(Cache, "packages/hello.deb");

    /// <summary>Debian 12 with what the package depends on and nothing else.</summary>
    public string CleanRoot => Path.Combine(Cache, "clean-root");

    /// <summary>In the cache of this user.</summary>
    public static RealParts Default { get; } = new(DevCache.Path);

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
}
