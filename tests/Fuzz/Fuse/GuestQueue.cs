using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Queues;

namespace VirtioFsStore.Fuzz.Fuse;

/// <summary>A hostile guest's thread on one queue: posts what it draws, several at a time, and checks all that comes back.</summary>
sealed class GuestQueue(FuseQueue queue, Random random, KnownObjects known)
{
    const byte Filling = 0xA5;
    const int Guarded = 64;

    readonly RequestGenerator _requests = new(random, known);

    /// <summary>Requests that came back.</summary>
    public int Answered { get; private set; }

    /// <summary>Those that did something: the others end at a check.</summary>
    public int Succeeded { get; private set; }

    public void Run(int rounds)
    {
        queue.Shape = ChainShape.Random(random.Next(), 6);
        for (var round = 0; round < rounds; round++)
        {
            var posted = random.Next(1, queue.Depth + 1);
            for (var i = 0; i < posted; i++)
                Post(queue.Rent());
            queue.Notify();
            for (var i = 0; i < posted; i++)
            {
                var request = queue.Wait();
                Check(request);
                queue.Return(request);
            }
        }
    }

    /// <summary>INIT that a file system is mounted with.</summary>
    public void Initialise()
    {
        var request = queue.Rent();
        request.Begin(FuseOpcode.Init, 0, new FuseCaller(0, 0), 4096).Append(7u).Append(45u).Append(1u << 20).Append(uint.MaxValue).Append(uint.MaxValue);
        request.AppendBytes(new byte[44]);
        queue.Call(request);
        queue.Return(request);
    }

    void Post(FuseRequest request)
    {
        var draw = random.Next(400);
        // A session that has ended is begun again soon.
        if (draw < 2 || (known.HasEnded && draw < 80))
            _requests.FillInit(request);
        else if (draw == 2)
            End(request);
        else
            _requests.Fill(request);
        queue.Seal(request);
        _requests.Bend(request);
        // A queue's chain has something to read or write in it.
        if (request.RequestLength == 0 && request.ReplyRoom == 0)
            request.Resize(1, 0);
        request.RawReply[..Math.Min(request.ReplyCapacity, request.ReplyRoom + Guarded)].Fill(Filling);
        queue.PostAsIs(request);
    }

    void End(FuseRequest request)
    {
        request.Begin(FuseOpcode.Destroy, 0, new FuseCaller(0, 0), FuseRequest.ReplyHeaderSize);
        known.End();
    }

    void Check(FuseRequest request)
    {
        Answered++;
        var what = Describe(request);
        var room = request.ReplyRoom;
        var guard = request.RawReply[room..Math.Min(request.ReplyCapacity, room + Guarded)];
        if (guard.IndexOfAnyExcept(Filling) >= 0)
            throw new FuzzException($"{what}: bytes behind the reply's room were written");
        if (request.RawReply[..room].IndexOf(Canary.Mark) >= 0)
            throw new FuzzException($"{what}: the reply holds what lies outside of the share");
        if (request.ReplyLength == 0)
        {
            if (room >= FuseRequest.ReplyHeaderSize && WantsReply(request))
                throw new FuzzException($"{what}: there is no reply");
            return;
        }
        if (request.ReplyLength < FuseRequest.ReplyHeaderSize)
            throw new FuzzException($"{what}: the reply has {request.ReplyLength} bytes");
        ref readonly var header = ref request.Header;
        if (header.Length != request.ReplyLength)
            throw new FuzzException($"{what}: the reply's header says {header.Length} bytes, the device {request.ReplyLength}");
        if (header.Error is > 0 or < -4095)
            throw new FuzzException($"{what}: the reply's error is {header.Error}");
        if (header.Error != 0 && request.ReplyLength != FuseRequest.ReplyHeaderSize)
            throw new FuzzException($"{what}: an error comes with {request.ReplyLength} bytes");
        if (request.RequestLength >= FuseRequest.HeaderSize && header.Unique != BitConverter.ToUInt64(request.RawRequest[8..]))
            throw new FuzzException($"{what}: the reply is for request {header.Unique}");
        if (header.Error != 0)
            return;
        Succeeded++;
        if (OpcodeOf(request) == FuseOpcode.Init)
            known.Begin(forget: random.Next(4) != 0);
        Learn(request);
    }

    static FuseOpcode OpcodeOf(FuseRequest request) => (FuseOpcode)BitConverter.ToUInt32(request.RawRequest[4..]);

    /// <summary>One that could not be taken apart may be given back without a word.</summary>
    static bool WantsReply(FuseRequest request) =>
        request.RequestLength >= FuseRequest.HeaderSize
        && OpcodeOf(request) is not (FuseOpcode.Forget or FuseOpcode.BatchForget or FuseOpcode.Interrupt or FuseOpcode.NotifyReply);

    static string Describe(FuseRequest request) =>
        $"{OpcodeOf(request)} ({Convert.ToHexString(request.RawRequest[..Math.Min(request.RequestLength, 160)])}, room {request.ReplyRoom})";

    void Learn(FuseRequest request)
    {
        var node = BitConverter.ToUInt64(request.RawRequest[16..]);
        switch (OpcodeOf(request))
        {
            case FuseOpcode.Lookup or FuseOpcode.MkDir or FuseOpcode.MkNod or FuseOpcode.Symlink or FuseOpcode.Link when request.Body.Length >= 8:
                known.AddNode(BitConverter.ToUInt64(request.Body));
                break;
            case FuseOpcode.Open or FuseOpcode.OpenDir when request.Body.Length >= 8:
                known.AddHandle(node, BitConverter.ToUInt64(request.Body));
                break;
            case FuseOpcode.Create or FuseOpcode.TmpFile when request.Body.Length >= 136:
                known.AddNode(BitConverter.ToUInt64(request.Body));
                known.AddHandle(BitConverter.ToUInt64(request.Body), BitConverter.ToUInt64(request.Body[128..]));
                break;
        }
    }
}
