using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>Starts the server where the host is out of its reach, and gives it what it is to share.</summary>
sealed class Sandbox : IDisposable
{
    readonly ulong _capabilities;
    readonly ProgramFiles _files = ProgramFiles.Find();
    readonly SandboxThread _thread = new();
    readonly SandboxRoot? _root;

    /// <param name="settings">Which kind.</param>
    /// <param name="capabilities">What the server keeps of the caller's, see <see cref="ServerCapabilities.Plan"/>.</param>
    /// <exception cref="IOException">The namespaces cannot be had.</exception>
    public Sandbox(SandboxSettings settings, ulong capabilities)
    {
        _capabilities = capabilities;
        if (settings.Mode != SandboxMode.Namespace)
            return;
        SandboxRoot? root = null;
        try
        {
            _thread.Run(() => root = SandboxRoot.Enter(_files));
        }
        catch (SystemCallException exception) when (exception.Error is Errno.EPERM or Errno.ENOSYS or Errno.EINVAL)
        {
            _thread.Dispose();
            throw new IOException($"{exception.Message}; if this host does not allow namespaces, --sandbox=chroot or --sandbox=none does without them", exception);
        }
        _root = root;
    }

    /// <summary>Starts this program once more, as the server: descriptors 0 to 2 are <paramref name="streams"/>, those behind them <paramref name="others"/>.</summary>
    /// <returns>The process id.</returns>
    public int Start(IReadOnlyList<string> arguments, ReadOnlySpan<int> streams, ReadOnlySpan<int> others)
    {
        // Out of the way of the places that they are to take.
        var count = streams.Length + others.Length;
        var descriptors = new FileDescriptor[count];
        try
        {
            for (var i = 0; i < count; i++)
            {
                var fd = i < streams.Length ? streams[i] : others[i - streams.Length];
                descriptors[i] = new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Duplicate(fd, count), "fcntl"));
            }
            // What this process inherited itself goes no further.
            SystemCallException.ThrowIfError(Descriptors.SetAllCloseOnExec(3), "close_range");
            var numbers = descriptors.Select(descriptor => descriptor.Value).ToArray();
            string[] command = [_files.Program, .. _files.Leading, .. arguments];
            var environment = Environment();
            var pid = 0;
            _thread.Run(() => pid = StartConfined(command, environment, numbers));
            return pid;
        }
        finally
        {
            foreach (var descriptor in descriptors)
                descriptor?.Dispose();
        }
    }

    /// <summary>Makes a directory or file of the host reachable for the server.</summary>
    /// <param name="fd">O_PATH.</param>
    /// <param name="name">For messages.</param>
    /// <param name="isDirectory">Whether it is one, or a file.</param>
    /// <param name="readOnly">Whether the kernel, too, is to refuse changes.</param>
    public SharedPlace Share(int fd, string name, bool isDirectory, bool readOnly)
    {
        if (_root is null)
            return new SharedPlace(new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Duplicate(fd), "fcntl", name)), null);
        using var copy = SandboxRoot.CopyShare(fd, name, readOnly);
        SharedPlace? place = null;
        _thread.Run(() =>
        {
            var (root, path) = _root.AttachShare(copy.Value, isDirectory);
            place = new SharedPlace(root, path);
        });
        return place!;
    }

    /// <summary>Takes back what <see cref="Share"/> gave; what the server has open of it stays open.</summary>
    public void Unshare(SharedPlace place)
    {
        place.Root.Dispose();
        if (place.Path is { } path)
            _thread.Run(() => _root!.DetachShare(path));
    }

    public void Dispose()
    {
        _thread.Dispose();
        _root?.Dispose();
    }

    /// <summary>On a thread of its own: what is dropped here is gone for the thread, and the sandbox's still has to mount.</summary>
    int StartConfined(string[] command, List<string> environment, int[] descriptors)
    {
        var pid = 0;
        Exception? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    ServerCapabilities.Apply(_capabilities);
                    LeaveProcesses();
                    pid = SystemCallException.ThrowIfError(ProcessSpawn.Start(_files.Program, command, environment, descriptors), "posix_spawn", _files.Program);
                }
                catch (Exception exception)
                {
                    failure = exception;
                }
            },
            256 * 1024);
        thread.Start();
        thread.Join();
        return failure is null ? pid : throw new IOException($"the server cannot be started: {failure.Message}", failure);
    }

    /// <summary>
    /// A server can take on any user id, and could then look into that user's processes through its proc, which shows what it may trace. A
    /// Landlock domain has none of them.
    /// </summary>
    static void LeaveProcesses()
    {
        if (!Landlock.IsThere)
            return;
        using var root = new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Open("/", OpenFlags.O_PATH | OpenFlags.O_DIRECTORY), "open", "/"));
        SystemCallException.ThrowIfError(Landlock.RestrictThread(root.Value), "landlock_restrict_self");
    }

    /// <summary>Nothing of the caller's environment but the runtime's own settings: credentials may be in it.</summary>
    List<string> Environment()
    {
        var environment = new List<string>();
        foreach (System.Collections.DictionaryEntry variable in System.Environment.GetEnvironmentVariables())
        {
            if (variable is { Key: string name, Value: string value } && name.StartsWith("DOTNET_", StringComparison.Ordinal) && name is not ("DOTNET_ROOT" or "DOTNET_EnableDiagnostics"))
                environment.Add($"{name}={value}");
        }
        // Its socket would have to be made in a folder that is not there.
        environment.Add("DOTNET_EnableDiagnostics=0");
        if (_files.RuntimeRoot is { } root)
            environment.Add($"DOTNET_ROOT={root}");
        return environment;
    }
}
