namespace VirtioFsStore.Backends.Local;

/// <summary>What is to be made under a name.</summary>
/// <param name="Kind">By which call.</param>
/// <param name="Mode">Permissions; for nodes with the type.</param>
/// <param name="Device">Of device nodes: as <see cref="Core.Interop.NameOperations.Device"/> makes it.</param>
/// <param name="Umask">The caller's.</param>
readonly record struct NewEntry(NewEntryKind Kind, uint Mode, ulong Device, uint Umask);
