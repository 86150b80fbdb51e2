using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using VirtioFsStore.Benchmarks.Load;
using VirtioFsStore.Benchmarks.Trees;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;

namespace VirtioFsStore.Benchmarks.Workloads;

/// <summary>
/// A directory listed whole with attributes: OPENDIR, READDIRPLUS of a page each (as Linux 6.12 asks) until nothing comes,
/// RELEASEDIR; READDIRPLUS alone where the session does without opening.
/// </summary>
sealed class ReadDirPlusWorkload(GuestView view, int queue) : RotatingWorkload<ulong>(view.Directories, queue)
{
    const int PageSize = 4096;

    public override void Start(RequestSlot slot)
    {
        slot.Node = Next();
        slot.Handle = slot.Offset = 0;
        if (view.OpensDirectories)
            slot.Begin(FuseOpcode.OpenDir, slot.Node).Argument(default(FuseOpenIn)).Reply<FuseOpenOut>();
        else
            List(slot);
    }

    public override bool Continue(RequestSlot slot, int length)
    {
        const int Opening = 0, Listing = 1, Closing = 2;
        switch (view.OpensDirectories ? slot.Step : Listing)
        {
            case Opening:
                slot.Handle = slot.Result<FuseOpenOut>().Fh;
                slot.Step = Listing;
                List(slot);
                return false;
            case Listing when length > 0:
                slot.Offset = LastOffset(slot.Data[..length]);
                List(slot);
                return false;
            case Listing when view.OpensDirectories:
                slot.Step = Closing;
                slot.Begin(FuseOpcode.ReleaseDir, slot.Node).Argument(new FuseReleaseIn { Fh = slot.Handle }).Reply(0);
                return false;
            default:
                return true;
        }
    }

    static void List(RequestSlot slot) =>
        slot.Begin(FuseOpcode.ReadDirPlus, slot.Node)
            .Argument(new FuseReadIn { Fh = slot.Handle, Offset = slot.Offset, Size = PageSize }).ReplyData(PageSize);

    static ulong LastOffset(ReadOnlySpan<byte> entries)
    {
        var offset = 0UL;
        while (entries.Length > 0)
        {
            var entry = MemoryMarshal.Read<FuseDirent>(entries[Unsafe.SizeOf<FuseEntryOut>()..]);
            offset = entry.Offset;
            var size = (Unsafe.SizeOf<FuseEntryOut>() + Unsafe.SizeOf<FuseDirent>() + (int)entry.NameLength + 7) & ~7;
            entries = entries[Math.Min(size, entries.Length)..];
        }
        return offset;
    }
}
