namespace VirtioFsStore.Driver.VhostUser;

/// <summary>Head of "Virtio device config space".</summary>
public record struct ConfigHeader(uint Offset, uint Size, uint Flags);
