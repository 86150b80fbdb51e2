using System.Text;
using VirtioFsStore.Benchmarks.Load;
using VirtioFsStore.Benchmarks.Trees;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;

namespace VirtioFsStore.Benchmarks.Workloads;

/// <summary>A small file made, written and removed: CREATE, WRITE, RELEASE, UNLINK, and FORGET as the guest's kernel sends it.</summary>
sealed class CreateWriteUnlinkWorkload(GuestView view, ForgetQueue forgets, int queue, int depth) : Workload
{
    const uint CreateFlags = 0x2 | 0x40 | 0x80; // O_RDWR | O_CREAT | O_EXCL
    const uint Mode = 0x81A4; // S_IFREG, 0644

    readonly byte[][] _names = [.. Enumerable.Range(0, depth).Select(slot => Encoding.ASCII.GetBytes($"new-{queue}-{slot}\0"))];

    public override void Start(RequestSlot slot) =>
        slot.Begin(FuseOpcode.Create, view.Scratch)
            .Argument(new FuseCreateIn { Flags = CreateFlags, Mode = Mode }).Bytes(_names[slot.Index]).Reply<FuseCreateOut>();

    public override bool Continue(RequestSlot slot, int length)
    {
        switch (slot.Step++)
        {
            case 0:
                slot.Node = slot.Result<FuseCreateOut>().Entry.NodeId;
                slot.Handle = slot.Result<FuseCreateOut>().Open.Fh;
                slot.Begin(FuseOpcode.Write, slot.Node)
                    .Argument(new FuseWriteIn { Fh = slot.Handle, Size = SampleTree.FileSize }).SendData(SampleTree.FileSize).Reply<FuseWriteOut>();
                return false;
            case 1:
                slot.Begin(FuseOpcode.Release, slot.Node).Argument(new FuseReleaseIn { Fh = slot.Handle }).Reply(0);
                return false;
            case 2:
                slot.Begin(FuseOpcode.Unlink, view.Scratch).Bytes(_names[slot.Index]).Reply(0);
                return false;
            default:
                forgets.Forget(slot.Node);
                return true;
        }
    }
}
