namespace VirtioFsStore.Daemon.Serving;

/// <summary>What is to be mounted.</summary>
/// <param name="Kind">What <paramref name="Source"/> is.</param>
/// <param name="Source">A path, or an image.</param>
/// <param name="Settings">How it is opened. What concerns a session as a whole was agreed with the guest before, and is the session's own.</param>
sealed record MountRequest(SourceKind Kind, string Source, SourceSettings Settings);
