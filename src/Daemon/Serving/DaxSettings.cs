using VirtioFsStore.Core.VhostUser;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>The window into which files are mapped.</summary>
sealed record DaxSettings
{
    /// <summary>Bytes; 0: there is none.</summary>
    public ulong Window { get; init; }

    /// <summary>What was asked for: more, where a guest could not fill it.</summary>
    public ulong Wanted { get; init; }

    public WindowDialect Dialect { get; init; }
}
