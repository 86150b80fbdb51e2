using VirtioFsStore.Driver.Memory;
using VirtioFsStore.Driver.Queues;
using VirtioFsStore.Driver.Vmm;
using VirtioFsStore.Fuzz.Vhost;

namespace VirtioFsStore.Fuzz.Targets;

/// <summary>
/// Split rings of a hostile guest: descriptor tables, available entries and indirect tables by chance, written anew while the
/// device works on them. What reaches a handler lies in guest memory, and the next machine is served.
/// </summary>
public sealed class RingTarget : FuzzTarget
{
    const int Steps = 150;
    const ulong LowSize = 8 << 20;
    const ulong High = 1UL << 32;
    const ulong HighSize = 1 << 20;

    public override string Name => "rings";

    public override string Description => "split virtqueues: descriptors, indirect tables and indexes, rewritten meanwhile";

    public override int ShortRun => 60;

    public override void Run(int seed)
    {
        var random = new Random(seed);
        using var server = new TouchServer();
        var options = new VirtualMachineOptions
        {
            QueueSize = (ushort)(1 << random.Next(1, 8)),
            Indirect = random.Next(4) != 0,
            EventIndex = random.Next(2) == 0,
            Depth = 1,
            DataCapacity = 4096,
            UseInflight = random.Next(3) == 0,
            Profile = random.Next(2) == 0 ? VmmProfile.Qemu11 : VmmProfile.CloudHypervisor,
            // Two that touch, and a gap before them.
            Memory = [new MemoryLayout(0, LowSize), new MemoryLayout(High, HighSize), new MemoryLayout(High + HighSize, HighSize, 4096)],
        };
        using (var machine = VirtualMachine.Boot(server.SocketPath, options))
        {
            var tables = Enumerable.Range(0, 4).Select(_ => machine.Memory.Allocate(4096)).ToArray();
            var stop = false;
            var other = new Random(random.Next());
            var writer = new Thread(() =>
            {
                while (!Volatile.Read(ref stop))
                    Write(machine, other, tables);
            });
            writer.Start();
            for (var step = 0; step < Steps; step++)
            {
                Write(machine, random, tables);
                Offer(machine.Queues[random.Next(machine.Queues.Count)], random);
            }
            Volatile.Write(ref stop, true);
            writer.Join();
            machine.Disconnect();
        }
        server.WaitListening();
        server.AssertServes();
    }

    /// <summary>Some descriptors of a queue or of an indirect table.</summary>
    static void Write(VirtualMachine machine, Random random, ulong[] tables)
    {
        var queue = machine.Queues[random.Next(machine.Queues.Count)];
        for (var i = random.Next(1, 8); i > 0; i--)
        {
            if (random.Next(3) == 0)
                machine.Memory.Write(tables[random.Next(tables.Length)] + (16 * (ulong)random.Next(256)), Draw(random, queue, tables));
            else
                queue.WriteDescriptor(random.Next(queue.Size), Draw(random, queue, tables));
        }
    }

    static void Offer(SplitQueue queue, Random random)
    {
        switch (random.Next(40))
        {
            case 0:
                queue.WriteAvailableIndex((ushort)random.Next(65536));
                break;
            case 1:
                queue.PostRaw((ushort)random.Next(65536));
                break;
            case 2:
                queue.Kick.Signal();
                break;
            default:
                for (var i = random.Next(1, 4); i > 0; i--)
                    queue.WriteAvailableEntry((ushort)(queue.AvailableIndex + i), (ushort)random.Next(queue.Size));
                queue.PostRaw((ushort)random.Next(queue.Size));
                break;
        }
    }

    static Descriptor Draw(Random random, SplitQueue queue, ulong[] tables)
    {
        var address = random.Next(14) switch
        {
            < 6 => (ulong)random.NextInt64((long)LowSize),
            < 9 => tables[random.Next(tables.Length)],
            9 => LowSize - (ulong)random.Next(32),
            10 => High + HighSize - (ulong)random.Next(64),
            11 => High + (2 * HighSize) - (ulong)random.Next(64),
            12 => random.Next(2) == 0 ? queue.DescriptorTable : queue.UsedRing,
            _ => (ulong)random.NextInt64() - (ulong)random.Next(2),
        };
        var length = random.Next(10) switch
        {
            < 4 => (uint)random.Next(64),
            < 7 => 16u * (uint)random.Next(queue.Size + 2),
            < 9 => (uint)random.Next(1 << 14),
            _ => (uint)random.NextInt64(uint.MaxValue),
        };
        var flags = (random.Next(3) == 0 ? DescriptorFlags.Next : 0) | (random.Next(2) == 0 ? DescriptorFlags.Write : 0) | (random.Next(6) == 0 ? DescriptorFlags.Indirect : 0);
        return new Descriptor { Address = address, Length = length, Flags = flags, Next = (ushort)random.Next(queue.Size + (random.Next(10) == 0 ? 1 : 0)) };
    }
}
