using VirtioFsStore.Benchmarks.Load;
using VirtioFsStore.Benchmarks.Trees;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;

namespace VirtioFsStore.Benchmarks.Workloads;

/// <summary>READ or WRITE on the large file, at random or in order; at its end it begins anew.</summary>
sealed class DataWorkload(GuestView view, int length, bool write, bool random, int queue) : Workload
{
    readonly Random _random = new(1 + queue);
    readonly int _pieces = (int)(view.LargeSize / length);
    int _next = queue * (int)(view.LargeSize / length / 2);

    public override int DataLength => length;

    public override void Start(RequestSlot slot)
    {
        var offset = (ulong)NextPiece() * (ulong)length;
        if (write)
        {
            slot.Begin(FuseOpcode.Write, view.Large)
                .Argument(new FuseWriteIn { Fh = view.LargeHandle, Offset = offset, Size = (uint)length }).SendData(length).Reply<FuseWriteOut>();
        }
        else
        {
            slot.Begin(FuseOpcode.Read, view.Large)
                .Argument(new FuseReadIn { Fh = view.LargeHandle, Offset = offset, Size = (uint)length }).ReplyData(length);
        }
    }

    public override bool Continue(RequestSlot slot, int bodyLength)
    {
        var moved = write ? slot.Result<FuseWriteOut>().Size : (uint)bodyLength;
        return moved == length ? true : throw new FuseProtocolException($"{moved} bytes were moved where {length} were asked for.");
    }

    int NextPiece()
    {
        if (random)
            return _random.Next(_pieces);
        if (_next >= _pieces)
            _next = 0;
        return _next++;
    }
}
