namespace VirtioFsStore.Fuzz;

/// <summary>Something that must hold whatever the bytes are, and did not.</summary>
public sealed class FuzzException(string message) : Exception(message);
