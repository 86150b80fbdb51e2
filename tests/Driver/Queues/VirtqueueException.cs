namespace VirtioFsStore.Driver.Queues;

/// <summary>The device broke a rule of the split ring.</summary>
public sealed class VirtqueueException(string message) : Exception(message);
