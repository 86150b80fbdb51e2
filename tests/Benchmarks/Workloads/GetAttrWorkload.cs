using VirtioFsStore.Benchmarks.Load;
using VirtioFsStore.Benchmarks.Trees;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;

namespace VirtioFsStore.Benchmarks.Workloads;

/// <summary>GETATTR.</summary>
sealed class GetAttrWorkload(GuestView view, int queue) : RotatingWorkload<NamedNode>(view.Files, queue)
{
    public override void Start(RequestSlot slot) =>
        slot.Begin(FuseOpcode.GetAttr, Next().Node).Argument(default(FuseGetAttrIn)).Reply<FuseAttrOut>();
}
