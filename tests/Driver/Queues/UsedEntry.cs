namespace VirtioFsStore.Driver.Queues;

/// <summary>A chain that came back.</summary>
/// <param name="Head">The descriptor it started with.</param>
/// <param name="Length">Bytes that the device says it wrote.</param>
/// <param name="Token">What the caller gave along with it.</param>
public readonly record struct UsedEntry(ushort Head, uint Length, int Token);
