namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>How the server is separated from the host.</summary>
sealed record SandboxSettings
{
    public SandboxMode Mode { get; init; } = SandboxMode.Namespace;

    public SeccompAction Seccomp { get; init; } = SeccompAction.Kill;

    /// <summary>Capabilities to keep beyond the usual ones, by name without "CAP_", upper case.</summary>
    public IReadOnlyList<string> AddedCapabilities { get; init; } = [];

    /// <summary>Capabilities to drop of the usual ones.</summary>
    public IReadOnlyList<string> DroppedCapabilities { get; init; } = [];

    /// <summary>RLIMIT_NOFILE; 0 leaves it as it is, null takes min(1,000,000, fs.nr_open).</summary>
    public ulong? OpenFiles { get; init; }

    /// <summary>Of the user namespace that an unprivileged caller's server gets; empty: the caller alone, as root.</summary>
    public IReadOnlyList<IdMapEntry> UserMap { get; init; } = [];

    public IReadOnlyList<IdMapEntry> GroupMap { get; init; } = [];
}
