using VirtioFsStore.Core.VhostUser;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>The window into which files are mapped.</summary>
sealed record DaxSettings
{
    /// <summary>Bytes; 0: there is none.</summary>
    public ulong Window { get; init; }

    public WindowDialect Dialect { get; init; }
}
