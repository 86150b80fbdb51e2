namespace VirtioFsStore.Daemon.Api;

/// <summary>Where the API listens, and what it says of its daemon.</summary>
/// <param name="SocketPath">Unix socket to make.</param>
/// <param name="Id">As its caller calls it; null: no name.</param>
/// <param name="Supervisor">As its caller said.</param>
sealed record ApiSettings(string SocketPath, string? Id, string? Supervisor);
