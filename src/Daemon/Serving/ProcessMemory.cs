using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>What a process holds beyond what it needs.</summary>
static class ProcessMemory
{
    /// <summary>Returns unused memory, the collector's and malloc's, to the system. Takes tens of milliseconds: for the end of set-up.</summary>
    public static void GiveBack()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        MemoryMaps.TrimHeap();
    }

    /// <summary>Lets go of the code that only starting needed. A millisecond: for when all is ready, and the guest is waited for.</summary>
    public static void ReleaseProgram() => ProgramPages.Release();
}
