using System.Runtime.InteropServices;
using VirtioFsStore.Driver.VhostUser;
using VirtioFsStore.Fuzz.Vhost;

namespace VirtioFsStore.Fuzz.Targets;

/// <summary>
/// vhost-user messages of a hostile VMM over a real socket: the orders that set a device up, with messages left out, doubled, swapped,
/// bent and with any descriptors. The server goes on, serves the next machine, and keeps none of the descriptors.
/// </summary>
public sealed class VhostUserTarget : FuzzTarget
{
    const int Connections = 6;
    const ulong UserAddress = 0x7E00_0000_0000;
    const int NeedReplyShift = 3;

    public override string Name => "vhost-user";

    public override string Description => "vhost-user messages and descriptors over a real socket";

    public override int ShortRun => 50;

    public override void Run(int seed)
    {
        var random = new Random(seed);
        using var server = new TouchServer();
        using var descriptors = new OddDescriptors();
        for (var i = 0; i < Connections; i++)
        {
            using (var socket = VhostUserSocket.Connect(server.SocketPath))
            {
                try
                {
                    Talk(socket, random, descriptors);
                }
                catch (VhostUserProtocolException)
                {
                    // The server has ended the connection.
                }
            }
            server.WaitListening();
        }
        server.AssertServes();
    }

    static void Talk(VhostUserSocket socket, Random random, OddDescriptors descriptors)
    {
        var order = Order(random, descriptors);
        for (var changes = random.Next(6); changes > 0; changes--)
            Change(order, random, descriptors);
        foreach (var (request, body, fds) in order)
        {
            var bytes = new byte[VhostUserMessage.HeaderSize + body.Length];
            var flags = VhostUserMessage.Version | ((uint)random.Next(2) << NeedReplyShift);
            VhostUserSocket.WriteHeader(bytes, request, random.Next(100) == 0 ? (uint)random.Next() : flags, random.Next(60) == 0 ? (uint)random.Next(5000) : (uint)body.Length);
            body.CopyTo(bytes.AsSpan(VhostUserMessage.HeaderSize));
            if (random.Next(80) == 0)
            {
                // The connection ends within a message.
                socket.SendRaw(bytes.AsSpan(0, random.Next(bytes.Length)), fds);
                return;
            }
            socket.SendRaw(bytes, fds);
            while (socket.HasInput)
            {
                using var reply = socket.TryReceive();
                if (reply is null)
                    return;
            }
        }
    }

    /// <summary>About what a VMM sends, the memory being one region.</summary>
    static List<(uint Request, byte[] Body, int[] Descriptors)> Order(Random random, OddDescriptors descriptors)
    {
        var size = (ulong)OddDescriptors.MemorySize;
        var queueSize = 1u << random.Next(0, 9);
        var order = new List<(uint Request, byte[] Body, int[] Descriptors)>();
        Add(VhostUserRequest.GetFeatures);
        Add(VhostUserRequest.GetProtocolFeatures);
        Add(VhostUserRequest.SetProtocolFeatures, Numbers(random.Next(3) == 0 ? (ulong)random.NextInt64() : 0xB62BUL & ~(1UL << random.Next(20))));
        Add(VhostUserRequest.SetOwner);
        Add(VhostUserRequest.GetQueueNum);
        Add(VhostUserRequest.GetMaxMemSlots);
        Add(VhostUserRequest.SetFeatures, Numbers(0x1_7000_0000UL | (random.Next(3) == 0 ? 1UL << 26 : 0)));
        if (random.Next(2) == 0)
            Add(VhostUserRequest.SetMemTable, Numbers(1, 0, size, UserAddress, 0), descriptors.Memory);
        else
            Add(VhostUserRequest.AddMemReg, Numbers(0, 0, size, UserAddress, 0), descriptors.Memory);
        if (random.Next(4) == 0)
            Add(VhostUserRequest.SetLogBase, Numbers(4096, 0), descriptors.Memory);
        if (random.Next(3) == 0)
        {
            Add(VhostUserRequest.GetInflightFd, Inflight(0, 0, (ushort)random.Next(5), (ushort)random.Next(300)));
            Add(VhostUserRequest.SetInflightFd, Inflight((ulong)random.Next(100_000), (ulong)random.Next(4096), (ushort)random.Next(5), (ushort)random.Next(300)), descriptors.Memory);
        }
        for (var queue = 0u; queue < random.Next(1, 5); queue++)
        {
            Add(VhostUserRequest.SetVringNum, Pair(queue, queueSize));
            Add(VhostUserRequest.SetVringBase, Pair(queue, (uint)random.Next(65536)));
            Add(VhostUserRequest.SetVringAddr, Address(queue, random));
            Add(VhostUserRequest.SetVringCall, Numbers(queue), descriptors.Event);
            Add(VhostUserRequest.SetVringKick, Numbers(queue), descriptors.Event);
            Add(VhostUserRequest.SetVringEnable, Pair(queue, 1));
            if (random.Next(2) == 0)
                Add(VhostUserRequest.GetVringBase, Pair(queue, 0));
        }
        if (random.Next(3) == 0)
            Add(VhostUserRequest.RemMemReg, Numbers(0, 0, size, UserAddress, 0));
        if (random.Next(3) == 0)
            Add(VhostUserRequest.ResetDevice);
        return order;

        void Add(VhostUserRequest request, byte[]? body = null, params int[] fds) => order.Add(((uint)request, body ?? [], fds));
    }

    static void Change(List<(uint Request, byte[] Body, int[] Descriptors)> order, Random random, OddDescriptors descriptors)
    {
        if (order.Count < 2)
            return;
        var at = random.Next(order.Count);
        var (request, body, fds) = order[at];
        switch (random.Next(9))
        {
            case 0:
                order.RemoveAt(at);
                break;
            case 1:
                order.Insert(random.Next(order.Count), order[at]);
                break;
            case 2:
                var other = random.Next(order.Count);
                (order[at], order[other]) = (order[other], order[at]);
                break;
            case 3:
                order[at] = ((uint)random.Next(48), body, fds);
                break;
            case 4:
                order[at] = (request, body, [.. Enumerable.Range(0, random.Next(4) == 0 ? random.Next(40) : random.Next(4)).Select(_ => descriptors.Draw(random))]);
                break;
            case 5:
                Array.Resize(ref body, random.Next(4) == 0 ? random.Next(4200) : Math.Max(0, body.Length + random.Next(-9, 10)));
                order[at] = (request, body, fds);
                break;
            case 6:
                order.Insert(at, ((uint)random.Next(48), Noise(random), []));
                break;
            default:
                body = [.. body];
                for (var i = random.Next(1, 4); i > 0 && body.Length > 0; i--)
                {
                    var place = random.Next(body.Length) & ~7;
                    var value = random.Next(4) switch { 0 => (ulong)random.NextInt64(), 1 => 1UL << random.Next(64), 2 => ulong.MaxValue - (ulong)random.Next(4096), _ => (ulong)random.Next(4097) };
                    BitConverter.GetBytes(value).AsSpan(0, Math.Min(8, body.Length - place)).CopyTo(body.AsSpan(place));
                }
                order[at] = (request, body, fds);
                break;
        }
    }

    static byte[] Noise(Random random)
    {
        var noise = new byte[random.Next(300)];
        random.NextBytes(noise);
        return noise;
    }

    static byte[] Numbers(params ReadOnlySpan<ulong> numbers) => MemoryMarshal.AsBytes(numbers).ToArray();

    static byte[] Pair(uint first, uint second) => Numbers(first | ((ulong)second << 32));

    /// <summary>u32 index, u32 flags, then the addresses of descriptors, used ring, available ring and log.</summary>
    static byte[] Address(uint queue, Random random)
    {
        ulong Place() => UserAddress + (random.Next(8) == 0 ? (ulong)random.Next((int)OddDescriptors.MemorySize) : (ulong)random.Next(1023) * 4096);
        return Numbers(queue | ((ulong)random.Next(2) << 32), Place(), Place(), Place(), (ulong)random.Next(100_000));
    }

    static byte[] Inflight(ulong size, ulong offset, ushort queues, ushort queueSize)
    {
        var description = new InflightDescription { MapSize = size, MapOffset = offset, QueueCount = queues, QueueSize = queueSize };
        return MemoryMarshal.AsBytes(new ReadOnlySpan<InflightDescription>(in description)).ToArray();
    }
}
