using VirtioFsStore.Benchmarks.Load;
using VirtioFsStore.Benchmarks.Trees;
using VirtioFsStore.Driver.Fuse;

namespace VirtioFsStore.Benchmarks.Workloads;

/// <summary>READLINK.</summary>
sealed class ReadLinkWorkload(GuestView view, int queue) : RotatingWorkload<ulong>(view.Links, queue)
{
    const int MaxTarget = 4096 - 1;

    public override void Start(RequestSlot slot) => slot.Begin(FuseOpcode.ReadLink, Next()).Reply(MaxTarget);
}
