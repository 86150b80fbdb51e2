using VirtioFsStore.Driver.VhostUser;

namespace VirtioFsStore.Driver.Vmm;

/// <summary>What a back-end asked of the VMM. All in bytes.</summary>
/// <param name="Kind">To map or to unmap, in either dialect.</param>
/// <param name="FileOffset">Where in the file.</param>
/// <param name="Offset">Where in the window.</param>
/// <param name="Length">How much.</param>
/// <param name="IsWritable">For writing.</param>
public readonly record struct WindowRequest(BackendRequest Kind, ulong FileOffset, ulong Offset, ulong Length, bool IsWritable)
{
    public bool IsMap => Kind is BackendRequest.ShmemMap or BackendRequest.SlaveFsMap;

    public ulong End => Offset + Length;
}
