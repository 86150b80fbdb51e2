using System.Collections;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Commands;

namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>
/// Users other than root get the rights that a sandbox is made with in a user namespace. A running .NET program cannot enter one, so it
/// becomes unshare(1), which becomes this program again: the process stays the one that the caller started.
/// </summary>
static class UserNamespace
{
    /// <summary>Says that this is the second time, and as whom.</summary>
    const string Marker = "VIRTIOFS_STORE_NAMESPACE";

    const string AsUser = "user";
    const string AsRoot = "root";

    /// <summary>Whether this process is root in a user namespace that it made for itself, and somebody else outside.</summary>
    public static bool IsInside => Environment.GetEnvironmentVariable(Marker) == AsUser;

    /// <summary>
    /// Returns at once for the host's root, and the second time; else not at all. Root of a user namespace of somebody else's needs a mount
    /// namespace in it alone: of one that belongs to the host it may not copy mounts.
    /// </summary>
    /// <exception cref="IOException">The namespaces cannot be had.</exception>
    public static void EnterIfNeeded(SandboxSettings settings)
    {
        if (settings.Mode != SandboxMode.Namespace || Environment.GetEnvironmentVariable(Marker) is not null)
            return;
        var isRoot = ThreadCredentials.EffectiveUserId == 0;
        if (isRoot && settings.UserMap.Count + settings.GroupMap.Count > 0)
            throw new UsageException("--uid-map and --gid-map are for users other than root: root's server has the host's ids; --translate-uid and --translate-gid change what a guest sees");
        if (isRoot && IsHosts)
            return;
        string[] user = isRoot ? [] : ["--user", .. Map("--map-users", settings.UserMap), .. Map("--map-groups", settings.GroupMap), .. Identity(settings)];
        Become([.. user, "--mount", "--propagation", "slave", "--"], isRoot ? AsRoot : AsUser);
    }

    /// <summary>Whether this process is in no user namespace but the first (user_namespaces(7)).</summary>
    static bool IsHosts => File.ReadAllText("/proc/self/uid_map").Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries) is ["0", "0", "4294967295"];

    static void Become(string[] options, string marker)
    {
        var unshare = Find("unshare") ?? throw new IOException("a sandbox for a user other than root needs unshare(1) of util-linux, which is not in PATH; --sandbox=none serves without");
        string[] command = ["unshare", .. options];
        if (Try(unshare, [.. command, "true"]) is var code and not 0)
            throw new IOException($"no namespaces can be had for the sandbox (unshare(1) ended with {code}): this host may forbid them to users other than root, or newuidmap(1), which --uid-map needs, may be missing; --sandbox=none serves without");
        var program = ProgramFiles.Find();
        var environment = new List<string> { $"{Marker}={marker}" };
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
            environment.Add($"{variable.Key}={variable.Value}");
        var failed = ProcessSpawn.Become(unshare, [.. command, program.Program, .. program.Leading, .. Environment.GetCommandLineArgs().Skip(1)], environment);
        throw new SystemCallException(failed.ToErrno(), "execve", unshare);
    }

    static string[] Identity(SandboxSettings settings) =>
        settings.UserMap.Count == 0 && settings.GroupMap.Count == 0 ? ["--map-root-user"] : ["--setuid", "0", "--setgid", "0"];

    static string[] Map(string option, IReadOnlyList<IdMapEntry> entries) => entries switch
    {
        [] => [],
        [{ Inside: 0 } only] => [$"{option}={only.Outside},{only.Inside},{only.Count}"],
        [_] => throw new IOException($"{(option == "--map-users" ? "--uid-map" : "--gid-map")} must begin at 0 inside: the server is root there"),
        _ => throw new IOException("of --uid-map and --gid-map one range each can be given"),
    };

    static string? Find(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin:/bin")
        .Split(':').Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    static int Try(string program, string[] arguments)
    {
        using var nothing = new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Open("/dev/null", OpenFlags.O_RDWR), "open", "/dev/null"));
        using var apart = new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Duplicate(nothing.Value, 10), "fcntl"));
        var environment = new List<string> { $"PATH={Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin:/bin"}" };
        var pid = SystemCallException.ThrowIfError(ProcessSpawn.Start(program, arguments, environment, [apart.Value, apart.Value, apart.Value]), "posix_spawn", program);
        SystemCallException.ThrowIfError(ProcessSpawn.Wait(pid, out var status), "waitpid", program);
        return status;
    }
}
