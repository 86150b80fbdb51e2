namespace VirtioFsStore.Driver.VhostUser;

/// <summary>"Log description".</summary>
public record struct LogDescription(ulong Size, ulong Offset);
