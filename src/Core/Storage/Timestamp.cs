namespace VirtioFsStore.Core.Storage;

/// <summary>Seconds since 1970 (negative before) and nanoseconds 0–999,999,999 that always count forward: struct timespec.</summary>
public readonly record struct Timestamp(long Seconds, uint Nanoseconds = 0);
