using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>
/// posix_spawn(3): unlike the runtime's own way to start a program, on the calling thread, whose namespaces, root and credentials the
/// program gets, and with no descriptor but those that are named.
/// </summary>
public static unsafe partial class ProcessSpawn
{
    // More than the C libraries of Linux need: 80 and 336 bytes in glibc.
    const int ActionsSize = 512;
    const int AttributesSize = 1024;
    const int SignalSetSize = 128;

    const short POSIX_SPAWN_SETPGROUP = 2;
    const short POSIX_SPAWN_SETSIGDEF = 4;
    const short POSIX_SPAWN_SETSIGMASK = 8;

    /// <summary>Starts a program in a process group of its own, with all signals at their defaults.</summary>
    /// <param name="path">The program.</param>
    /// <param name="arguments">argv, the program's name first.</param>
    /// <param name="environment">All of its environment, NAME=VALUE.</param>
    /// <param name="descriptors">What becomes its descriptors 0, 1, 2, …: above the last of them the numbers here must lie, or be equal to their place.</param>
    /// <returns>The process id, or −errno.</returns>
    public static int Start(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, ReadOnlySpan<int> descriptors)
    {
        var actions = stackalloc byte[ActionsSize];
        var attributes = stackalloc byte[AttributesSize];
        var signals = stackalloc byte[SignalSetSize];
        using var argv = new NativeStrings(arguments);
        using var envp = new NativeStrings(environment);
        _ = posix_spawn_file_actions_init(actions);
        _ = posix_spawnattr_init(attributes);
        try
        {
            for (var place = 0; place < descriptors.Length; place++)
            {
                // Equal numbers: the duplicate of itself loses close-on-exec (POSIX 2024; glibc does so since 2.29).
                var result = posix_spawn_file_actions_adddup2(actions, descriptors[place], place);
                if (result != 0)
                    return -result;
            }
            _ = sigemptyset(signals);
            _ = posix_spawnattr_setsigmask(attributes, signals);
            _ = sigfillset(signals);
            _ = posix_spawnattr_setsigdefault(attributes, signals);
            _ = posix_spawnattr_setpgroup(attributes, 0);
            _ = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
            int pid;
            fixed (byte* program = Utf8Path.Encode(path))
            {
                var result = posix_spawn(&pid, program, actions, attributes, argv.Pointer, envp.Pointer);
                return result != 0 ? -result : pid;
            }
        }
        finally
        {
            _ = posix_spawnattr_destroy(attributes);
            _ = posix_spawn_file_actions_destroy(actions);
        }
    }

    /// <summary>Becomes another program, with all descriptors that are inheritable. Returns only where that failed: −errno.</summary>
    public static int Become(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment)
    {
        using var argv = new NativeStrings(arguments);
        using var envp = new NativeStrings(environment);
        fixed (byte* program = Utf8Path.Encode(path))
            return LastError.Or(execve(program, argv.Pointer, envp.Pointer));
    }

    /// <summary>Waits for a child to end.</summary>
    /// <param name="pid">From <see cref="Start"/>.</param>
    /// <param name="status">Its exit code, or 128 + the signal that ended it.</param>
    /// <param name="block">False: 0 is returned while it runs.</param>
    /// <returns>The process id, 0, or −errno.</returns>
    public static int Wait(int pid, out int status, bool block = true)
    {
        const int WNOHANG = 1;
        int raw, result;
        do
            result = LastError.Or(waitpid(pid, &raw, block ? 0 : WNOHANG));
        while (result == -(int)Errno.EINTR);
        status = (raw & 0x7F) == 0 ? (raw >> 8) & 0xFF : 128 + (raw & 0x7F);
        return result;
    }

    [LibraryImport("libc")]
    private static partial int posix_spawn(int* pid, byte* path, byte* actions, byte* attributes, byte** argv, byte** envp);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_init(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_destroy(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_adddup2(byte* actions, int from, int to);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_init(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_destroy(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setflags(byte* attributes, short flags);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setpgroup(byte* attributes, int group);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigmask(byte* attributes, byte* signals);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigdefault(byte* attributes, byte* signals);

    [LibraryImport("libc")]
    private static partial int sigemptyset(byte* signals);

    [LibraryImport("libc")]
    private static partial int sigfillset(byte* signals);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int execve(byte* path, byte** argv, byte** envp);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int waitpid(int pid, int* status, int options);
}
