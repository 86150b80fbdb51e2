namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>A line of a user namespace's uid_map or gid_map (user_namespaces(7)).</summary>
/// <param name="Inside">The first id in the namespace.</param>
/// <param name="Outside">The first id of the host.</param>
/// <param name="Count">How many.</param>
readonly record struct IdMapEntry(uint Inside, uint Outside, uint Count);
