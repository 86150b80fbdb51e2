using VirtioFsStore.Benchmarks.Load;
using VirtioFsStore.Benchmarks.Trees;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;

namespace VirtioFsStore.Benchmarks.Workloads;

/// <summary>LOOKUP of names that are known already, as when the guest's cached answer has run out.</summary>
sealed class LookupWorkload(GuestView view, int queue) : RotatingWorkload<NamedNode>(view.Files, queue)
{
    public override void Start(RequestSlot slot)
    {
        ref readonly var file = ref Next();
        slot.Begin(FuseOpcode.Lookup, file.Parent).Bytes(file.Name).Reply<FuseEntryOut>();
    }
}
