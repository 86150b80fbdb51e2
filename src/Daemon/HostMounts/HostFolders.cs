using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.HostMounts;

/// <summary>Where servers of mounts leave their records and logs, and pushes what they would go on with.</summary>
static class HostFolders
{
    public const UnixFileMode OwnerWrites = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    const string Name = "virtiofs-store";

    static bool IsRoot => ProcessIdentity.EffectiveUid == 0;

    /// <summary>Of records. Without a runtime directory, as under su, it is the one of the logs.</summary>
    /// <exception cref="IOException">A user without a home.</exception>
    public static string Runtime => IsRoot ? $"/run/{Name}" : Variable("XDG_RUNTIME_DIR") is { } runtime ? Path.Combine(runtime, Name) : Path.Combine(State, "run");

    /// <summary>The default log of what is mounted on a path: named after it, so that the next mount there goes on in the same one.</summary>
    /// <exception cref="IOException">A user without a home.</exception>
    public static string LogOf(string mountPoint)
    {
        var name = mountPoint.Trim('/').Replace('/', '-');
        return Path.Combine(IsRoot ? $"/var/log/{Name}" : State, $"{(name.Length == 0 ? "-" : name)}.log");
    }

    /// <summary>Notes of uploads that are not complete; null for a user without a home, who begins anew.</summary>
    public static string? Uploads => (IsRoot ? $"/var/cache/{Name}" : StateIfAny) is { } folder ? Path.Combine(folder, "uploads") : null;

    static string State =>
        StateIfAny
        ?? throw new IOException("there is no place for the log: neither XDG_STATE_HOME nor HOME is set to an absolute path; name a file with --log-file");

    static string? StateIfAny =>
        Variable("XDG_STATE_HOME") is { } state ? Path.Combine(state, Name)
        : Variable("HOME") is { } home ? Path.Combine(home, ".local", "state", Name)
        : null;

    /// <summary>XDG base directory specification: a relative path is to be ignored.</summary>
    static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { } value && Path.IsPathFullyQualified(value) ? value : null;
}
