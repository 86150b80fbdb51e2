namespace VirtioFsStore.Daemon.Serving;

/// <summary>Something that is mounted.</summary>
sealed record MountInfo(string Path, SourceKind Kind, string Source, DateTimeOffset MountedAt);
