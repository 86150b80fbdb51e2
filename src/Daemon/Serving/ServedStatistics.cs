using VirtioFsStore.Core.Mounts;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>What a session has served.</summary>
/// <param name="Mounts">By path.</param>
sealed record ServedStatistics(IReadOnlyDictionary<string, MountStatistics> Mounts);
