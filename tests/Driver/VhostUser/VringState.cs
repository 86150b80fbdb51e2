namespace VirtioFsStore.Driver.VhostUser;

/// <summary>"A vring state description".</summary>
public record struct VringState(uint Index, uint Number);
