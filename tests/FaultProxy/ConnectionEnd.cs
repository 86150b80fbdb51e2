namespace VirtioFsStore.FaultProxy;

/// <summary>What becomes of a connection after an answer.</summary>
enum ConnectionEnd
{
    None,
    Close,
    Reset,
    Stall,
}
