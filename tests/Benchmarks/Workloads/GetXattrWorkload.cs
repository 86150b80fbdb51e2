using VirtioFsStore.Benchmarks.Load;
using VirtioFsStore.Benchmarks.Trees;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;

namespace VirtioFsStore.Benchmarks.Workloads;

/// <summary>GETXATTR of an attribute that is there.</summary>
sealed class GetXattrWorkload(GuestView view, int queue) : RotatingWorkload<NamedNode>(view.Files, queue)
{
    const int Room = 256;

    public override void Start(RequestSlot slot) =>
        slot.Begin(FuseOpcode.GetXattr, Next().Node)
            .Argument(new FuseGetXattrIn { Size = Room }).Bytes(SampleTree.AttributeName).Reply(Room);
}
