namespace VirtioFsStore.Daemon.Commands;

/// <summary>An argument that parses but makes no sense; the message says which, and what would.</summary>
public sealed class UsageException(string message) : Exception(message);
