namespace VirtioFsStore.Driver.VhostUser;

/// <summary>"Device state transfer parameters".</summary>
public record struct DeviceStateTransfer(uint Direction, uint Phase);
