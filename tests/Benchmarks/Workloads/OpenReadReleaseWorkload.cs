using VirtioFsStore.Benchmarks.Load;
using VirtioFsStore.Benchmarks.Trees;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;

namespace VirtioFsStore.Benchmarks.Workloads;

/// <summary>A small file read whole: OPEN, READ, RELEASE; READ alone where the session does without opening, as the guest's kernel does.</summary>
sealed class OpenReadReleaseWorkload(GuestView view, int queue) : RotatingWorkload<NamedNode>(view.Files, queue)
{
    public override void Start(RequestSlot slot)
    {
        slot.Node = Next().Node;
        slot.Handle = 0;
        if (view.OpensFiles)
            slot.Begin(FuseOpcode.Open, slot.Node).Argument(default(FuseOpenIn)).Reply<FuseOpenOut>();
        else
            Read(slot);
    }

    public override bool Continue(RequestSlot slot, int length)
    {
        if (!view.OpensFiles)
            return Done(length);
        switch (slot.Step++)
        {
            case 0:
                slot.Handle = slot.Result<FuseOpenOut>().Fh;
                Read(slot);
                return false;
            case 1:
                Done(length);
                slot.Begin(FuseOpcode.Release, slot.Node).Argument(new FuseReleaseIn { Fh = slot.Handle }).Reply(0);
                return false;
            default:
                return true;
        }
    }

    static bool Done(int length) =>
        length == SampleTree.FileSize ? true : throw new FuseProtocolException($"A file of {SampleTree.FileSize} bytes was read as {length}.");

    static void Read(RequestSlot slot) =>
        slot.Begin(FuseOpcode.Read, slot.Node)
            .Argument(new FuseReadIn { Fh = slot.Handle, Size = SampleTree.FileSize }).ReplyData(SampleTree.FileSize);
}
