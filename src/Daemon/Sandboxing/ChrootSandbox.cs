using System.Reflection;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>
/// An empty, removed directory as the root of the process: for hosts that allow no namespaces. Weaker than those: what is behind a
/// descriptor that is open can be reached from it.
/// </summary>
static class ChrootSandbox
{
    /// <summary>Once everything that is opened by its path is open, and before threads that serve are started: they have what this one has left.</summary>
    /// <exception cref="SystemCallException">Not allowed: it needs CAP_SYS_CHROOT.</exception>
    public static void Enter()
    {
        LoadAll();
        using var descriptors = new FileDescriptor(SystemCallException.ThrowIfError(
            Descriptors.Open("/proc/self/fd", OpenFlags.O_PATH | OpenFlags.O_DIRECTORY), "open", "/proc/self/fd"));
        var path = Directory.CreateTempSubdirectory("virtiofs-store-").FullName;
        using (var empty = new FileDescriptor(Descriptors.Open(path, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY)))
        {
            Directory.Delete(path);
            SystemCallException.ThrowIfError(RootDirectory.Enter(empty.Value), "fchdir", path);
        }
        SystemCallException.ThrowIfError(RootDirectory.SetHere(), "chroot", $"{path} (needs CAP_SYS_CHROOT; --sandbox=none does without)");
        SystemCallException.ThrowIfError(ThreadCredentials.GetCapabilities(out var held), "capget");
        const ulong Needless = ~(1UL << ThreadCredentials.CAP_SYS_CHROOT);
        SystemCallException.ThrowIfError(ThreadCredentials.SetCapabilities(new(held.Effective & Needless, held.Permitted & Needless, 0)), "capset");
        // Where there is no /proc under the root, descriptors are still found by their numbers.
        SystemCallException.ThrowIfError(RootDirectory.Enter(descriptors.Value), "fchdir", "/proc/self/fd");
    }

    /// <summary>The runtime loads a library when it is first needed, which is too late then. In a single-file program they are there already.</summary>
    static void LoadAll()
    {
        if (!File.Exists(Path.Combine(AppContext.BaseDirectory, "virtiofs-store.dll")) || AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") is not string paths)
            return;
        foreach (var path in paths.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
            _ = Assembly.Load(new AssemblyName(Path.GetFileNameWithoutExtension(path)));
    }
}
