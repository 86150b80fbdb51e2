using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>
/// The root directory that a sandboxed server sees: a read-only tmpfs with the libraries and this program, a proc without other
/// processes, and what is shared. Its methods run on the thread whose namespaces these are.
/// </summary>
sealed class SandboxRoot : IDisposable
{
    /// <summary>Where the new root is put together: a folder that every Linux has, and that nothing needs meanwhile.</summary>
    const string Workbench = "/proc";

    const string Shares = "/shares";
    const ulong Harmless = MountTrees.MOUNT_ATTR_NOSUID | MountTrees.MOUNT_ATTR_NODEV;
    const ulong Inert = Harmless | MountTrees.MOUNT_ATTR_NOEXEC;

    static readonly string[] s_devices = ["/dev/null", "/dev/urandom"];

    // The same tmpfs, attached nowhere and writable: the one way to make mount points in it.
    readonly FileDescriptor _writable;
    int _shares;

    SandboxRoot(FileDescriptor writable) => _writable = writable;

    /// <summary>Gives the calling thread its namespaces and its root, for good.</summary>
    /// <exception cref="SystemCallException">Not allowed, or not possible here.</exception>
    public static SandboxRoot Enter(ProgramFiles files)
    {
        Check(Namespaces.Unshare(Namespaces.CLONE_NEWNS | Namespaces.CLONE_NEWNET | Namespaces.CLONE_NEWIPC | Namespaces.CLONE_NEWUTS), "unshare", "namespaces");
        // What the host mounts later is still to arrive; nothing goes back.
        Check(MountTrees.SetAttributes("/", new MountAttributes { Propagation = MountTrees.MS_SLAVE }, recursive: true), "mount_setattr", "/");
        var copies = new List<(string Path, FileDescriptor Mount)>();
        var links = new List<(string Path, string Target)>();
        using var processes = OpenProcesses();
        foreach (var path in files.Needed)
        {
            if (new FileInfo(path).LinkTarget is { } target)
                links.Add((path, target));
            else
                copies.Add((path, Copy(path, Harmless | MountTrees.MOUNT_ATTR_RDONLY)));
        }
        foreach (var device in s_devices.Where(File.Exists))
            copies.Add((device, Copy(device, MountTrees.MOUNT_ATTR_NOSUID | MountTrees.MOUNT_ATTR_NOEXEC)));

        using var root = new FileDescriptor(Check(MountTrees.Create("tmpfs", [("mode", "0755"), ("size", "1m")], Inert), "fsmount", "tmpfs"));
        Check(MountTrees.Attach(root.Value, Workbench), "move_mount", Workbench);
        var writable = new FileDescriptor(Check(MountTrees.Copy(root.Value), "open_tree", "tmpfs"));
        foreach (var (path, mount) in copies)
        {
            MakeTarget(Workbench + path, Directory.Exists(path));
            Check(MountTrees.Attach(mount.Value, Workbench + path), "move_mount", path);
            mount.Dispose();
        }
        foreach (var (path, target) in links)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Workbench + path)!);
            File.CreateSymbolicLink(Workbench + path, target);
        }
        Directory.CreateDirectory(Workbench + "/proc");
        Directory.CreateDirectory(Workbench + Shares);
        Check(MountTrees.Attach(processes.Value, Workbench + "/proc"), "move_mount", "/proc");
        Check(MountTrees.Pivot(root.Value), "pivot_root", "/");
        Check(MountTrees.SetAttributes("/", new MountAttributes { Set = MountTrees.MOUNT_ATTR_RDONLY }, recursive: false), "mount_setattr", "/");
        return new SandboxRoot(writable);
    }

    /// <summary>Prepares what is to be shared, on a thread of the host's namespace: a copy of the mounts there, into which the host's
    /// later mounts come, and from which nothing goes back.</summary>
    /// <param name="fd">What is shared, O_PATH.</param>
    /// <param name="name">For messages.</param>
    /// <param name="readOnly">Whether the kernel, too, is to refuse changes.</param>
    public static FileDescriptor CopyShare(int fd, string name, bool readOnly)
    {
        var copy = new FileDescriptor(Check(MountTrees.Copy(fd), "open_tree", name));
        Check(MountTrees.SetAttributes(copy.Value, Inert | (readOnly ? MountTrees.MOUNT_ATTR_RDONLY : 0), MountTrees.MS_SLAVE, recursive: true), "mount_setattr", name);
        return copy;
    }

    /// <summary>Attaches a share, and opens it as the server can: what it can reach from there is the share alone.</summary>
    /// <param name="copy">From <see cref="CopyShare"/>.</param>
    /// <param name="isDirectory">Whether it is one, or a file.</param>
    /// <returns>O_PATH, and where it is attached.</returns>
    public (FileDescriptor Root, string Place) AttachShare(int copy, bool isDirectory)
    {
        var place = $"{Shares}/{++_shares}";
        MakeTarget($"/proc/self/fd/{_writable.Value}{place}", isDirectory);
        try
        {
            Check(MountTrees.Attach(copy, place), "move_mount", place);
            return (new FileDescriptor(Check(Descriptors.Open(place, OpenFlags.O_PATH), "open", place)), place);
        }
        catch
        {
            DetachShare(place);
            throw;
        }
    }

    /// <summary>Takes a share away; who has it open keeps it.</summary>
    public void DetachShare(string place)
    {
        _ = MountTrees.Detach(place);
        var target = $"/proc/self/fd/{_writable.Value}{place}";
        if (Directory.Exists(target))
            Directory.Delete(target);
        else
            File.Delete(target);
    }

    public void Dispose() => _writable.Dispose();

    /// <summary>A proc of which only one's own processes can be seen; where such a one may not be made (in a user namespace), the host's.</summary>
    static FileDescriptor OpenProcesses()
    {
        var own = MountTrees.Create("proc", [("hidepid", "ptraceable"), ("subset", "pid")], Inert);
        return own >= 0 ? new FileDescriptor(own) : Copy("/proc", Inert);
    }

    static FileDescriptor Copy(string path, ulong attributes)
    {
        var copy = new FileDescriptor(Check(MountTrees.Copy(path), "open_tree", path));
        Check(MountTrees.SetAttributes(copy.Value, attributes, MountTrees.MS_PRIVATE, recursive: true), "mount_setattr", path);
        return copy;
    }

    static void MakeTarget(string path, bool isDirectory)
    {
        if (isDirectory)
        {
            Directory.CreateDirectory(path);
            return;
        }
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Create(path).Dispose();
    }

    static int Check(int result, string call, string subject) => SystemCallException.ThrowIfError(result, call, $"{subject} (for the sandbox)");
}
